"""The checks that planted bugs asked for, each shown to fire on a history made bad by hand."""

import pytest
from msgspec.structs import replace

from interlock.audit.auditor import Auditor
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders.instruments import Instrument
from interlock.orders.legs import LegType
from interlock.orders.requests import VenueOrderType
from interlock.orders.terms import Change, LegTerms, OrderTerms, PolicyTerms, Relation, Span
from interlock.orders.ticks import Trade
from interlock.orders.tree import Dust, LegChange, OnExitReject, OnOverfill, OnPartialFill

ID = "o0000001"
AT = 1_000_000_000
FIRST, SECOND = 0, 1


def leg(name: str, kind: LegType, side: int, **more) -> LegTerms:
    return LegTerms(name, kind, "BTC.PAPER", side, 10, **more)


class History:
    """One ``oco`` of two legs."""

    def __init__(self, one: LegTerms, two: LegTerms, mode=OnPartialFill.CANCEL, **policy) -> None:
        self.auditor = Auditor()
        self.seq = 0
        relations = (Relation("oco", (FIRST, SECOND), on_partial_fill=mode),)
        terms = OrderTerms(ID, "one", "main", "", (one, two), ~0, relations, PolicyTerms(**policy))
        self.say(f.OrderAccepted(AT, terms))

    def say(self, *facts: f.Fact) -> None:
        self.auditor.hear(self.seq + 1, facts)
        self.seq += len(facts)

    def send(self, leg: int, side: int, kind=VenueOrderType.LIMIT, price=None, at=AT) -> None:
        self.say(f.VenueOrderSending(at, ID, leg, 1, kind, side, 10, AT, price))

    def filled(self, leg: int, quantity: int, exec_id: str) -> f.VenueOrderFilled:
        return f.VenueOrderFilled(AT, ID, leg, 1, exec_id, quantity, 100, quantity, 0, True)

    def rules(self) -> list[str]:
        return [breach.rule for breach in self.auditor.breaches]


def entries() -> History:
    """A buy and a sell of which one may fill."""
    return History(leg("up", LegType.LIMIT, 1, price=90), leg("down", LegType.LIMIT, -1, price=110))


def exits(mode=OnPartialFill.REDUCE, **policy) -> History:
    """A target and a stop of a position that was there before."""
    target = leg("target", LegType.LIMIT_IF_TOUCHED, -1, price=110, trigger_price=110, exits=True)
    stop = leg("stop", LegType.STOP, -1, trigger_price=95, exits=True)
    return History(target, stop, mode, **policy)


def test_a_fill_that_nobody_claims():
    history = entries()
    history.send(FIRST, 1)
    history.say(history.filled(FIRST, 4, "e1"))
    assert history.rules() == ["I1"]


def test_a_leg_sent_though_its_sibling_has_filled():
    history = entries()
    history.send(FIRST, 1)
    claim = f.LegClaimed(AT, ID, SECOND, 0)
    history.say(claim, history.filled(FIRST, 10, "e1"))
    history.send(SECOND, -1)
    assert history.rules() == ["I1"]


def test_a_sibling_that_does_not_shrink():
    history = exits()
    history.send(FIRST, -1)
    history.say(history.filled(FIRST, 6, "e1"))
    history.send(SECOND, -1, VenueOrderType.MARKET)
    assert "I2" in history.rules()


@pytest.mark.parametrize(("side", "rules"), [(1, []), (-1, ["I2"])])
def test_an_excess_undone_the_wrong_way(side, rules):
    history = exits()
    told = f.IncidentOpened(AT, ID, f.IncidentKind.DOUBLE_FILL, SECOND, "", "", 10)
    terms = leg("flatten_1", LegType.MARKET, side, system="flatten", scope=SECOND)
    history.say(told, f.LegAdded(AT, ID, 2, terms))
    assert history.rules() == rules


@pytest.mark.parametrize("policy", [OnOverfill.FLATTEN, OnOverfill.ALERT])
def test_an_excess_is_undone_only_as_the_policy_says(policy):
    history = exits(on_overfill=policy)
    history.say(f.IncidentOpened(AT, ID, f.IncidentKind.DOUBLE_FILL, SECOND, "", "", 10))
    assert history.rules() == (["I2"] if policy is OnOverfill.FLATTEN else [])


def test_a_leg_that_begins_after_its_time():
    late = leg("up", LegType.LIMIT, 1, price=90, expire_at=AT)
    history = History(late, leg("down", LegType.LIMIT, -1, price=110))
    history.send(FIRST, 1)
    assert history.rules() == ["expiry"]
    history.say(f.OrderCanceling(AT, ID, "expire", "expired by command"))
    history.send(SECOND, -1)
    assert history.rules() == ["expiry"] * 2


def test_a_trailing_limit_on_the_wrong_side():
    trail = leg("trail", LegType.TRAILING_STOP_LIMIT, -1, trail=Span(5), limit_offset=Span(3))
    history = History(trail, leg("down", LegType.LIMIT, -1, price=110))
    history.say(f.LegArmed(AT, ID, FIRST, 10, None, 105))
    history.say(f.LegTriggered(AT, ID, FIRST, "last", 100, 100))
    history.send(FIRST, -1, price=97)
    assert history.rules() == []
    history.say(f.VenueOrderCanceled(AT, ID, FIRST, 1, r.CancelReason.IMMEDIATE))
    history.say(f.VenueOrderSending(AT, ID, FIRST, 2, VenueOrderType.LIMIT, -1, 10, AT, 103))
    assert history.rules() == ["price"]


@pytest.mark.parametrize("policy", [OnExitReject.ALERT, OnExitReject.RETRY_THEN_MARKET])
def test_an_exit_given_up(policy):
    history = exits(on_exit_reject=policy)
    history.say(f.IncidentOpened(AT, ID, f.IncidentKind.EXIT_REJECTED, SECOND, "", "", 1))
    history.say(f.LegDone(AT, ID, SECOND, "rejected", 0))
    assert history.rules() == ([] if policy is OnExitReject.ALERT else ["I8"])
    history.say(f.LegEscalated(AT, ID, SECOND, ""), f.LegDone(AT, ID, SECOND, "rejected", 0))
    assert history.rules() == ([] if policy is OnExitReject.ALERT else ["I8"])


def test_an_exit_given_up_untold():
    history = exits(on_exit_reject=OnExitReject.ALERT)
    history.say(f.LegDone(AT, ID, FIRST, "rejected", 0))
    assert history.rules() == ["I8"]


def test_an_exit_canceled_with_its_entry():
    history = exits()
    history.say(f.OrderCanceling(AT, ID, "protect", "canceled by the trader"))
    history.say(f.LegDone(AT, ID, SECOND, "canceled", 0, "canceled by the trader"))
    assert history.rules() == ["I8"]


def test_a_flatten_that_leaves_something():
    history = entries()
    history.send(FIRST, 1)
    history.say(f.LegClaimed(AT, ID, FIRST, 0), history.filled(FIRST, 10, "e1"))
    history.say(f.OrderCanceling(AT, ID, "flatten", ""), f.OrderDone(AT, ID, "closed"))
    assert [breach.rule for breach in history.auditor.finish()] == ["I8"]


def test_an_order_taken_away_by_others_untold():
    history = entries()
    history.send(FIRST, 1)
    history.say(f.VenueOrderCanceled(AT, ID, FIRST, 1, r.CancelReason.OUTSIDE))
    assert history.rules() == ["outside"]


def test_an_end_that_no_report_told():
    history = entries()
    history.send(FIRST, 1)
    history.auditor.heard(r.CancelRefused(AT, f"{ID}.0.1", 1, r.VenueReject.ALREADY_DONE))
    history.say(f.VenueOrderCanceled(AT, ID, FIRST, 1, r.CancelReason.IMMEDIATE))
    assert history.rules() == ["I4"]


def test_a_process_that_does_not_ask_what_was_in_flight():
    history = entries()
    history.send(FIRST, 1)
    history.auditor.started()
    history.auditor.at_rest()
    assert history.rules() == ["I5"]


def test_an_amend_of_another_version():
    history = entries()
    amend = c.AmendOrder({"up": LegChange(price="91")}, "main", order_id=ID, if_version=1)
    history.auditor.asked(1, amend)
    history.auditor.answered(1, amend, c.Accepted(ID, 3))
    assert history.rules() == ["amend"]


def test_a_frozen_leg_is_amended():
    history = entries()
    history.say(f.LegClaimed(AT, ID, FIRST, 0))
    moved = leg("down", LegType.LIMIT, -1, price=120)
    history.say(f.OrderAmended(AT, ID, 2, (Change(SECOND, moved),), "trader"))
    assert history.rules() == ["I1"]


def test_a_target_fires_on_a_tick_that_makes_the_stop_due():
    target = leg("target", LegType.MARKET_IF_TOUCHED, -1, trigger_price=90, exits=True)
    stop = leg("stop", LegType.STOP, -1, trigger_price=95, exits=True)
    history = History(target, stop, OnPartialFill.REDUCE)
    history.say(f.LegArmed(AT, ID, FIRST, 10, 90), f.LegArmed(AT, ID, SECOND, 10, 95))
    history.auditor.tick(Trade("BTC.PAPER", AT, 94, 1), AT)
    history.say(f.LegTriggered(AT, ID, FIRST, "last", 94, 90), f.LegDisarmed(AT, ID, SECOND, ""))
    assert history.rules() == ["trigger"]


def test_a_touch_that_did_not_last():
    stop = leg("stop", LegType.STOP, -1, trigger_price=95, confirm_ns=500)
    history = History(stop, leg("down", LegType.LIMIT, -1, price=110))
    history.say(f.LegArmed(AT, ID, FIRST, 10, 95))
    history.auditor.tick(Trade("BTC.PAPER", AT, 94, 1), AT)
    history.say(f.LegTriggered(AT + 400, ID, FIRST, "last", 94, 95))
    assert history.rules() == ["trigger"]


def test_a_leg_waits_for_a_price_that_is_there():
    history = entries()
    history.auditor.tick(Trade("BTC.PAPER", AT, 94, 1), AT)
    history.say(f.LegArmed(AT, ID, FIRST, 10, 95))
    assert "trigger" in history.rules()


def working(history: History, leg: int, quantity: int = 10, attempt: int = 1, **more) -> None:
    """A plain exit that the venue has taken."""
    kind = VenueOrderType.LIMIT
    sent = f.VenueOrderSending(AT, ID, leg, attempt, kind, -1, quantity, AT, 110, **more)
    history.say(sent, f.VenueOrderAcknowledged(AT, ID, leg, attempt, "v"))


def test_a_plain_exit_that_is_not_made_smaller_by_what_its_sibling_fills():
    history = exits()
    working(history, FIRST)
    working(history, SECOND)
    history.say(history.filled(FIRST, 4, "e1"))
    assert history.rules() == ["I2"]


def test_a_plain_exit_is_judged_by_what_was_known_when_it_was_asked_for():
    """Reports dealt with in one batch: what is on its way can't be changed before its answer."""
    history = exits()
    working(history, FIRST)
    kind = VenueOrderType.STOP
    sent = f.VenueOrderSending(AT, ID, SECOND, 1, kind, -1, 10, AT, None, 95)
    history.say(sent, history.filled(FIRST, 4, "e1"))
    assert history.rules() == []
    history.say(f.VenueOrderAcknowledged(AT, ID, SECOND, 1, "v"))
    assert history.rules() == ["I2"]


def test_a_plain_exit_sent_for_more_than_its_sibling_left():
    history = exits()
    working(history, FIRST)
    history.say(history.filled(FIRST, 4, "e1"))
    sent = f.VenueOrderSending(AT, ID, SECOND, 1, VenueOrderType.STOP, -1, 10, AT)
    history.say(sent)
    assert history.rules() == ["I2"]


@pytest.mark.parametrize(
    ("dust", "reduce_only", "broken"),
    [
        (Dust.ROUND_UP_REDUCE_ONLY, True, []),
        (Dust.ROUND_UP_REDUCE_ONLY, False, ["I2"]),
        (Dust.LEAVE, True, ["I2"]),
    ],
)
def test_a_rest_below_the_minimum_is_rounded_up_only_where_the_policy_says_so(
    dust, reduce_only, broken
):
    history = exits(dust=dust)
    btc = Instrument("BTC.PAPER", "1", "1", min_quantity="3")
    history.say(f.InstrumentDefined(AT, btc))
    working(history, FIRST)
    history.say(history.filled(FIRST, 8, "e1"))
    kind = VenueOrderType.STOP
    sent = f.VenueOrderSending(AT, ID, SECOND, 1, kind, -1, 3, AT, reduce_only=reduce_only)
    history.say(sent)
    assert history.rules() == broken


def test_a_flatten_that_grows():
    history = entries()
    terms = leg("flatten_1", LegType.MARKET, -1, exits=True, system="flatten", scope=FIRST)
    told = f.IncidentOpened(AT, ID, f.IncidentKind.DOUBLE_FILL, FIRST, "", "", 10)
    history.say(told, f.LegAdded(AT, ID, 2, terms))
    assert history.rules() == []
    larger = Change(2, replace(terms, quantity=12))
    history.say(f.OrderAmended(AT, ID, 2, (larger,), "outside"))
    assert history.rules() == ["I2"]


@pytest.mark.parametrize(("closed", "broken"), [(0, ["I1"]), (8, [])])
def test_a_claim_given_back_before_its_leg_is_sent_unless_too_little_is_left_to_send(
    closed, broken
):
    history = exits()
    history.say(f.InstrumentDefined(AT, Instrument("BTC.PAPER", "1", "1", min_quantity="3")))
    if closed:
        history.say(f.ExposureAdjusted(AT, ID, closed, "closed by others"))
    history.say(
        f.LegTriggered(AT, ID, FIRST, "last", 110, 110),
        f.LegClaimed(AT, ID, FIRST, 0),
        f.ClaimReleased(AT, ID, FIRST, 0, "too small"),
    )
    assert history.rules() == broken


def test_a_claim_given_back_when_others_closed_the_only_position_of_two_entries():
    """Which of the entries they closed is the engine's to say: only one has filled."""
    legs = []
    for n in (0, 1):
        legs.append(leg(f"entry_{n}", LegType.LIMIT, 1, price=100))
        legs.append(leg(f"stop_{n}", LegType.STOP, -1, trigger_price=95, exits=True))
        legs.append(leg(f"target_{n}", LegType.LIMIT_IF_TOUCHED, -1, price=110, exits=True))
    relations = (
        Relation("oco", (~1, ~3), on_partial_fill=OnPartialFill.CANCEL),
        Relation("oto", (0, ~2), 0),
        Relation("oco", (1, 2), 1, on_partial_fill=OnPartialFill.REDUCE),
        Relation("oto", (3, ~4), 0),
        Relation("oco", (4, 5), 3, on_partial_fill=OnPartialFill.REDUCE),
    )
    history = entries()
    history.auditor, history.seq = Auditor(), 0
    terms = OrderTerms(ID, "one", "main", "", tuple(legs), ~0, relations, PolicyTerms())
    history.say(
        f.InstrumentDefined(AT, Instrument("BTC.PAPER", "1", "1", min_quantity="3")),
        f.OrderAccepted(AT, terms),
    )
    history.send(FIRST, 1)
    history.say(history.filled(FIRST, 10, "e1"), f.LegClaimed(AT, ID, FIRST, 0))
    history.say(
        f.ExposureAdjusted(AT, ID, 9, "closed by others"),
        f.LegTriggered(AT, ID, 1, "last", 95, 95),
        f.LegClaimed(AT, ID, 1, 2),
        f.ClaimReleased(AT, ID, 1, 2, "too small"),
    )
    assert history.rules() == []


@pytest.mark.parametrize(
    ("policy", "waits"), [("flatten", True), ("alert", False), ("keep", False)]
)
def test_what_covers_a_kept_excess_is_not_waited_for(policy, waits):
    """Two brackets of which one may fill; both have, and the target of the second rests."""
    legs = (
        leg("long", LegType.LIMIT, 1, price=100),
        leg("high", LegType.LIMIT, -1, price=110, exits=True),
        leg("short", LegType.LIMIT, -1, price=105),
        leg("low", LegType.LIMIT, 1, price=90, exits=True),
    )
    relations = (
        Relation("oco", (~1, ~2), on_partial_fill=OnPartialFill.CANCEL),
        Relation("oto", (0, 1)),
        Relation("oto", (2, 3)),
    )
    history = entries()
    history.auditor, history.seq = Auditor(), 0
    terms = PolicyTerms(on_overfill=OnOverfill(policy))
    history.say(f.OrderAccepted(AT, OrderTerms(ID, "one", "main", "", legs, ~0, relations, terms)))
    history.send(0, 1)
    history.send(2, -1)
    history.say(history.filled(0, 10, "x1"), f.LegClaimed(AT, ID, 0, 0))
    told = f.IncidentOpened(AT, ID, f.IncidentKind.DOUBLE_FILL, 2, "", "", 10)
    history.say(history.filled(2, 10, "x2"), told)
    history.send(3, 1)
    history.auditor.breaches.clear()  # that it was sent is for other checks
    history.send(1, -1)
    assert ("I1" in history.rules()) is waits
