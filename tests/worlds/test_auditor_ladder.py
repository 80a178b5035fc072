"""What the auditor expects of a target that is first sent while another works beyond its slice."""

import pytest

from interlock.audit.auditor import Auditor
from interlock.orders import facts as f
from interlock.orders.legs import LegType
from interlock.orders.requests import VenueOrderType
from interlock.orders.terms import LegTerms, OrderTerms, PolicyTerms, Relation

ID = "o0000001"
AT = 1_000_000_000


def leg(name: str, side: int, quantity: int, price: int, **more) -> LegTerms:
    return LegTerms(name, LegType.LIMIT, "BTC.PAPER", side, quantity, price=price, **more)


@pytest.mark.parametrize(
    ("quantity", "reduce_only", "rules"),
    [(1, False, []), (2, False, ["sizes"]), (2, True, []), (1, True, ["sizes"])],
)
def test_a_target_waits_for_what_another_works_beyond_its_slice(quantity, reduce_only, rules):
    """Buy 10, targets of 5, 3 and 2: with 5 filled their slices are 2, 2 and 1, with 6 they are 3,
    1 and 2. A reduce-only order is clipped by the venue, and nobody waits for it."""
    targets = (("near", 5), ("middle", 3), ("far", 2))
    legs = (
        leg("entry", 1, 10, 100),
        *(leg(name, -1, size, 110 + n, exits=True) for n, (name, size) in enumerate(targets)),
    )
    relations = (Relation("oto", (0, ~1)), Relation("all", (1, 2, 3), parent=0))
    auditor = Auditor()
    seq = 0

    def say(*facts: f.Fact) -> None:
        nonlocal seq
        auditor.hear(seq + 1, facts)
        seq += len(facts)

    def send(number: int, side: int, size: int) -> None:
        kind, price, last = VenueOrderType.LIMIT, legs[number].price, AT + 1
        flag = reduce_only and side < 0
        say(f.VenueOrderSending(AT, ID, number, 1, kind, side, size, last, price, reduce_only=flag))

    say(f.OrderAccepted(AT, OrderTerms(ID, "one", "main", "", legs, ~0, relations, PolicyTerms())))
    send(0, 1, 10)
    say(f.VenueOrderFilled(AT, ID, 0, 1, "e1", 5, 100, 5))
    send(2, -1, 2)
    say(f.VenueOrderFilled(AT, ID, 0, 1, "e2", 1, 100, 6))
    send(3, -1, quantity)
    assert [breach.rule for breach in auditor.breaches] == rules
