"""Bad wires and busy servers: what is asked again, what never is, and streams that go on."""

import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from interlock import client as c
from interlock.api.access.limits import Rate
from interlock.api.route import Budget
from tests.client.house import BTC, Wire, serving, until

DEEP = c.limit("20000", buy="1", instrument=BTC)
QUICK = c.Retry(attempts=4, first_s=0.01)


def counted(wire: Wire, words: bytes) -> int:
    return sum(request.startswith(words) for request in wire.requests)


def test_a_placement_whose_answer_was_lost_is_asked_again_and_placed_once(tmp_path: Path) -> None:
    with serving(tmp_path) as house:
        wire = Wire(house.server.port)
        with house.client(url=wire.url, retry=QUICK) as client:
            wire.lose = 2
            placed = client.place(DEEP)
            assert placed.replayed
            assert counted(wire, b"POST /v1/orders ") == 3
            assert [line.order_id for line in client.orders()] == [placed.order_id]
            wire.lose = 1
            done = client.amend(placed.order_id, {"leg_1": {"price": "20001"}})
            assert (done.version, done.replayed) == (2, True)
            wire.lose = 1
            assert client.cancel(placed.order_id).replayed
        wire.close()


def test_a_kill_is_never_sent_twice(tmp_path: Path) -> None:
    with serving(tmp_path) as house:
        wire = Wire(house.server.port)
        with house.client(url=wire.url, retry=QUICK) as client:
            wire.lose = 1
            with pytest.raises(c.Unreachable):
                client.kill()
            assert counted(wire, b"POST /v1/kill") == 1
        wire.close()


def test_nobody_there_is_said_after_a_few_attempts() -> None:
    with (
        c.Client("http://127.0.0.1:9", "ik_x", "secret", retry=QUICK) as client,
        pytest.raises(c.Unreachable, match=r"http://127\.0\.0\.1:9/v1/positions"),
    ):
        client.positions()


def test_too_many_requests_wait_as_long_as_they_are_told(tmp_path: Path) -> None:
    rates = {budget: Rate(1_000, 1_000) for budget in Budget} | {Budget.PLACING: Rate(2, 1)}
    with serving(tmp_path, rates=rates) as house:
        with house.client() as client:
            client.place(DEEP, "one")
            client.place(DEEP, "two")
            assert len(list(client.orders())) == 2
        with house.client(retry=c.Retry(attempts=1)) as client:
            client.place(DEEP, "three")
            with pytest.raises(c.Refused) as caught:
                client.place(DEEP, "four")
            assert (caught.value.code, caught.value.retry) == ("RATE_LIMITED", True)


def test_a_stream_that_is_cut_again_and_again_tells_every_fact_once(tmp_path: Path) -> None:
    """U+2028 in a name: a line to Python, none to the wire."""
    names = [f"n\u2028{n}" for n in range(60)]
    with serving(tmp_path) as house:
        wire = Wire(house.server.port)
        told: list[Any] = []
        retry = c.Retry(attempts=50, first_s=0.01)
        with house.client(url=wire.url, stream_retry=retry) as follower:

            def follow() -> None:
                for message in follower.stream():
                    told.append(message)
                    if isinstance(message, c.Fact) and message.client_order_id == names[-1]:
                        return

            following = threading.Thread(target=follow)
            following.start()
            until(lambda: len(told), bool)
            with house.client() as client:
                for n, name in enumerate(names):
                    client.place(DEEP, name)
                    if n % 10 == 5:
                        wire.cut()
            following.join(20)
            assert not following.is_alive()
        facts = told[1:]
        assert isinstance(told[0], c.Snapshot)
        assert all(isinstance(fact, c.Fact) for fact in facts), "resumed, not begun anew"
        accepted = [fact.client_order_id for fact in facts if fact.type == "OrderAccepted"]
        assert accepted == names
        assert all(b.event_seq == a.event_seq + 1 for a, b in pairwise(facts))
        wire.close()


def test_a_stream_ends_with_its_key(tmp_path: Path) -> None:
    with serving(tmp_path) as house, c.Client(house.url) as admin:
        admin.login(house.password)
        made = admin.keys.make("watcher", ["read"])
        with c.Client(house.url, made.key.id, made.secret) as client:
            stream = client.stream()
            assert isinstance(next(stream), c.Snapshot)
            admin.keys.revoke(made.key.id)
            with pytest.raises(c.Refused) as caught:
                next(stream)
            assert caught.value.code == "KEY_REVOKED"


def test_a_restart_of_the_server_is_ridden_out(tmp_path: Path) -> None:
    """A placement waits for it; a stream begins anew, since what it missed is not at hand."""
    patient = c.Retry(attempts=100, first_s=0.01, most_s=0.1)
    with serving(tmp_path) as house:
        port, key = house.server.port, house.key()
        with c.Client(house.url, *key) as client:
            client.place(DEEP, "before")
    told: list[c.Message] = []
    placed: list[str] = []
    url = f"http://127.0.0.1:{port}"
    with c.Client(url, *key, retry=patient, stream_retry=patient) as client:

        def follow() -> None:
            for message in client.stream():
                told.append(message)
                if isinstance(message, c.Fact) and message.client_order_id == "last":
                    return

        def place() -> None:
            placed.append(client.place(DEEP, "during").order_id)

        threads = [threading.Thread(target=work) for work in (follow, place)]
        for thread in threads:
            thread.start()
        with serving(tmp_path, port=port):
            threads[1].join(20)
            until(lambda: len(told), bool)
        with serving(tmp_path, port=port):
            until(lambda: sum(isinstance(one, c.Snapshot) for one in told), lambda n: n == 2)
            client.place(DEEP, "last")
            threads[0].join(20)
            assert not threads[0].is_alive()
            names = [line.client_order_id for line in client.orders()]
        assert names == ["last", "during", "before"]
        again = [one for one in told if isinstance(one, c.Snapshot)][-1]
        assert sorted(line.client_order_id for line in again.orders) == ["before", "during"]
        assert told.index(again) < len(told) - 1


def test_a_busy_stream_waits_and_a_forbidden_one_says_why(tmp_path: Path) -> None:
    rates = {budget: Rate(1_000, 1_000) for budget in Budget} | {Budget.READING: Rate(1, 1)}
    with serving(tmp_path, rates=rates) as house:
        with house.client() as client:
            client.positions()
            assert isinstance(next(client.stream()), c.Snapshot)
        with house.client("trade") as client, pytest.raises(c.Refused) as caught:
            next(client.stream())
        assert caught.value.code == "SCOPE_MISSING"
