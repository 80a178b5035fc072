"""The leg's transition table: complete, without a way to two live orders, and drawn as text."""

from pathlib import Path

import pytest

from interlock.engine.leg import ENDS, LIVE, TABLE, LegState, moved
from interlock.orders import facts as f
from interlock.orders.reports import CancelReason, VenueReject, VenueStatus
from interlock.orders.requests import VenueOrderType
from tests import golden

DRAWING = Path(__file__).with_name("leg_table.txt")

ONE = (1, "o0000001", 0, 1)
"""At, order, leg, attempt."""

MOVES: tuple[f.Fact, ...] = (
    f.VenueOrderSending(*ONE, VenueOrderType.LIMIT, 1, 5, 9),
    f.VenueOrderAcknowledged(*ONE, "v"),
    f.VenueOrderFilled(*ONE, "x", 5, 100, 5),
    f.FillConfirmed(*ONE, "x"),
    f.FillDoubted(*ONE, "x"),
    f.FillRefuted(*ONE, "x", 5, 100, 0),
    f.VenueOrderAmending(*ONE, 1, 5),
    f.VenueOrderAmended(*ONE, 1, 5),
    f.VenueOrderAmendRefused(*ONE, 1, VenueReject.UNSUPPORTED),
    f.VenueOrderCanceling(*ONE, 1, "recall"),
    f.VenueOrderCanceled(*ONE, CancelReason.REQUESTED),
    f.VenueOrderExpired(*ONE),
    f.VenueOrderRejected(*ONE, VenueReject.HALTED),
    f.VenueOrderUnknown(*ONE, "no answer"),
    f.VenueOrderQuerying(*ONE, 1),
    f.VenueOrderFound(*ONE, VenueStatus.WORKING),
)
"""One of every fact that tells of a venue order."""

STILL = ("FillConfirmed", "FillDoubted", "VenueOrderQuerying")
"""Facts that change what is known and never where a leg stands."""

NAMES = [type(fact).__name__ for fact in MOVES]
EVERY = [(state, fact) for state in LegState for fact in MOVES]


def test_every_state_has_a_row_and_every_cell_is_a_known_fact_and_state():
    assert list(TABLE) == list(LegState)
    for row in TABLE.values():
        assert set(row) <= set(NAMES) - set(STILL)
        assert all(isinstance(after, LegState) for after in row.values())


def test_every_fact_about_a_venue_order_is_told_here():
    """A new fact must be given its moves, or be declared to make none."""
    about = [
        kind.__name__
        for kind in f.Fact.__args__
        if "attempt" in kind.__struct_fields__ and "leg" in kind.__struct_fields__
    ]
    assert sorted(NAMES) == sorted(about)
    used = {name for row in TABLE.values() for name in row}
    assert used == set(NAMES) - set(STILL)


def test_live_states_and_ends_and_held_are_all_there_is():
    assert (*LIVE, *ENDS, LegState.HELD) == tuple(
        sorted(LegState, key=(*LIVE, *ENDS, LegState.HELD).index)
    )
    assert len(LegState) == len(LIVE) + len(ENDS) + 1


@pytest.mark.parametrize(("state", "fact"), EVERY, ids=lambda x: getattr(x, "value", None))
def test_a_move_is_in_the_table_or_a_crash(state, fact):
    after = TABLE[state].get(type(fact).__name__)
    if after is None:
        with pytest.raises(AssertionError, match=f"illegal move: {type(fact).__name__}"):
            moved(state, fact)
    else:
        assert moved(state, fact) is after


def test_a_venue_order_is_only_ever_sent_from_held():
    """Never two live orders for one leg."""
    senders = [state for state, row in TABLE.items() if "VenueOrderSending" in row]
    assert senders == [LegState.HELD]


def test_every_live_state_can_be_told_that_the_order_is_gone():
    for state in LIVE:
        for name in ("VenueOrderCanceled", "VenueOrderExpired", "VenueOrderRejected"):
            assert TABLE[state][name] is LegState.HELD


def test_a_fill_is_booked_wherever_the_leg_stands():
    assert all("VenueOrderFilled" in row for row in TABLE.values())


def test_a_fill_never_ends_a_recall_or_a_doubt():
    """A fill on the way says nothing about the question in flight."""
    for state in (LegState.PENDING_CANCEL, LegState.PENDING_REPLACE, LegState.UNCONFIRMED):
        assert TABLE[state]["VenueOrderFilled"] is state


def test_a_refused_amend_means_ask_and_never_still_working():
    rows = [
        row["VenueOrderAmendRefused"] for row in TABLE.values() if "VenueOrderAmendRefused" in row
    ]
    assert rows == [LegState.UNCONFIRMED]


def test_an_end_is_final_but_for_a_fill_taken_back():
    for state in ENDS:
        assert set(TABLE[state]) == {"VenueOrderFilled", "FillRefuted"}
        others = [after for after in TABLE[state].values() if after is not state]
        assert others == ([LegState.HELD] if state is LegState.FILLED else [])


def test_every_live_state_is_reached_from_held_and_leads_back():
    reached = [LegState.HELD]
    for state in reached:
        reached += [s for s in LegState if s in TABLE[state].values() and s not in reached]
    assert sorted(reached) == sorted((LegState.HELD, *LIVE))
    assert all(LegState.HELD in TABLE[state].values() for state in LIVE)


def drawn() -> str:
    """The table as a person reads it: one line per state and next state."""
    lines = []
    for state, row in TABLE.items():
        for after in dict.fromkeys(row.values()):
            names = [name for name, to in row.items() if to is after]
            arrow = "stays" if after is state else f"-> {after}"
            head = f"{state:<16}{arrow:<19}"
            for name in names:
                lines.append(f"{head}{name}")
                head = " " * len(head)
    return "\n".join(lines) + "\n"


def test_the_drawing_is_the_table():
    golden.check(DRAWING, drawn())
