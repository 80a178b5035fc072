"""Protective events first, chatter in what is left, the same thing once, and an end to queues."""

from interlock.api.alerting.events import Alert
from interlock.api.alerting.outbox import Outbox

SECOND = 1_000_000_000
MINUTE = 60 * SECOND


def alert(seq: int, protective: bool = False, subject: str = "") -> Alert:
    event = "naked_position" if protective else "order_done"
    return Alert(seq, event, subject or f"o{seq}", "title", f"text {seq}", protective)


def outbox(per_minute: int = 4, reserve: int = 2, dedupe_ns: int = 0, most: int = 1_000) -> Outbox:
    return Outbox(per_minute, reserve, dedupe_ns, most)


def taken(box: Outbox, at: int) -> list[int]:
    out = []
    while (message := box.take(at)) is not None:
        out += message.seqs
    return out


def test_a_protective_event_overtakes_chatter_and_has_a_reserve_that_chatter_cannot_use():
    box = outbox()
    for seq in range(1, 6):
        box.put(alert(seq), SECOND)
    assert taken(box, SECOND) == [1, 2]
    box.put(alert(6, protective=True), SECOND)
    box.put(alert(7, protective=True), SECOND)
    assert taken(box, SECOND) == [6, 7]
    box.put(alert(8, protective=True), SECOND)
    assert taken(box, SECOND) == []  # the rate is used up: it waits, and waits first
    assert box.next_at(SECOND) == SECOND + 15 * SECOND
    assert taken(box, 16 * SECOND) == [8]
    assert taken(box, 61 * SECOND) == [3]
    assert taken(box, 2 * MINUTE) == [4, 5]


def test_what_is_told_already_is_counted_and_told_once_more_at_the_end_of_its_time():
    box = outbox(per_minute=10, dedupe_ns=MINUTE)
    for seq in range(1, 5):
        box.put(alert(seq, subject="o1"), SECOND)
    box.put(alert(5, subject="o2"), SECOND)
    assert taken(box, SECOND) == [1, 5]
    assert box.waiting() == [2, 3, 4]
    assert box.next_at(SECOND) == SECOND + MINUTE
    message = box.take(SECOND + MINUTE)
    assert message is not None
    assert (message.text(0), message.seqs) == ("text 4 (2 more like this)", [2, 3, 4])
    box.put(alert(6, subject="o1"), 2 * SECOND + MINUTE)  # that was told just now
    assert taken(box, 2 * SECOND + MINUTE) == []
    assert taken(box, 2 * SECOND + 3 * MINUTE) == [6]
    box.put(alert(7, subject="o1"), 10 * MINUTE)
    assert taken(box, 10 * MINUTE) == [7]


def test_a_storm_of_one_event_takes_no_memory_to_speak_of():
    box = outbox(dedupe_ns=MINUTE)
    gone = [one for seq in range(1, 10_001) for one in box.put(alert(seq, subject="o1"), SECOND)]
    assert len(box.waiting()) == 101
    assert len(gone) == 10_000 - 101
    taken(box, SECOND)
    message = box.take(2 * MINUTE)
    assert message is not None and message.text(0).endswith("(9998 more like this)")


def test_where_too_much_waits_the_oldest_chatter_goes_first_and_that_is_told():
    box = outbox(per_minute=1, reserve=0, most=3)
    assert box.put(alert(1, protective=True), SECOND) == []
    assert box.put(alert(2), SECOND) == box.put(alert(3), SECOND) == []
    assert box.put(alert(4, protective=True), SECOND) == [2]
    assert box.put(alert(5, protective=True), SECOND) == [3]
    assert box.put(alert(6, protective=True), SECOND) == [1]
    assert box.dropped == 3
    message = box.take(SECOND)
    assert message is not None
    assert message.text(3) == ("text 4 (3 other alerts were dropped: more came than may be sent)")


def test_what_could_not_be_sent_goes_first_again():
    box = outbox()
    box.put(alert(1), SECOND)
    box.put(alert(2), SECOND)
    message = box.take(SECOND)
    assert message is not None
    box.back(message)
    assert taken(box, 2 * MINUTE) == [1, 2]


def test_nothing_waits_for_nothing():
    assert outbox().next_at(SECOND) is None
    assert outbox().take(SECOND) is None
