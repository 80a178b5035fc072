"""The leg's transition table: how facts about venue orders move a leg.

Decides the one legal next state for each (state, fact). Invariant: a move that is not in the table
is a bug of ours and stops the process; what a *venue* says out of turn is filtered before, and
becomes ``ReportIgnored``. "Partly filled" is no state: fills are quantities beside it.
"""

from enum import StrEnum

from interlock.orders import facts


class LegState(StrEnum):
    """Where a leg stands. The first six are live, the last four are ends."""

    HELD = "held"
    """Nothing of it is at the venue; it may be dormant, armed, frozen or due."""
    PENDING_NEW = "pending_new"
    """Sent; the venue has not answered."""
    WORKING = "working"
    """The venue works it."""
    PENDING_REPLACE = "pending_replace"
    """An amend is on its way."""
    PENDING_CANCEL = "pending_cancel"
    """A recall is on its way."""
    UNCONFIRMED = "unconfirmed"
    """What became of a request is not known; the venue is being asked."""
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"


S = LegState
LIVE = (S.PENDING_NEW, S.WORKING, S.PENDING_REPLACE, S.PENDING_CANCEL, S.UNCONFIRMED)
ENDS = (S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED)

Row = dict[str, LegState]


def _named(row: dict[type, LegState]) -> Row:
    return {fact.__name__: state for fact, state in row.items()}


_ENDED_AT_VENUE: dict[type, LegState] = {
    facts.VenueOrderCanceled: S.HELD,
    facts.VenueOrderExpired: S.HELD,
    facts.VenueOrderRejected: S.HELD,
}

TABLE: dict[LegState, Row] = {
    S.HELD: _named(
        {
            facts.VenueOrderSending: S.PENDING_NEW,
            facts.VenueOrderFilled: S.HELD,  # a late fill of an attempt already gone
            facts.FillRefuted: S.HELD,
        }
    ),
    S.PENDING_NEW: _named(
        {
            facts.VenueOrderAcknowledged: S.WORKING,
            facts.VenueOrderFilled: S.WORKING,  # a fill may overtake the acknowledgement
            facts.VenueOrderCanceling: S.PENDING_CANCEL,
            facts.VenueOrderUnknown: S.UNCONFIRMED,
            **_ENDED_AT_VENUE,
        }
    ),
    S.WORKING: _named(
        {
            facts.VenueOrderAcknowledged: S.WORKING,  # it came after the first fill
            facts.VenueOrderFilled: S.WORKING,
            facts.FillRefuted: S.WORKING,
            facts.VenueOrderAmending: S.PENDING_REPLACE,
            facts.VenueOrderAmended: S.WORKING,  # somebody else's hand
            facts.VenueOrderCanceling: S.PENDING_CANCEL,
            facts.VenueOrderUnknown: S.UNCONFIRMED,
            **_ENDED_AT_VENUE,
        }
    ),
    S.PENDING_REPLACE: _named(
        {
            facts.VenueOrderAcknowledged: S.PENDING_REPLACE,
            facts.VenueOrderFilled: S.PENDING_REPLACE,
            facts.FillRefuted: S.PENDING_REPLACE,
            facts.VenueOrderAmended: S.WORKING,
            facts.VenueOrderAmendRefused: S.UNCONFIRMED,  # refused may mean filled: ask
            facts.VenueOrderCanceling: S.PENDING_CANCEL,
            facts.VenueOrderUnknown: S.UNCONFIRMED,
            **_ENDED_AT_VENUE,
        }
    ),
    S.PENDING_CANCEL: _named(
        {
            facts.VenueOrderAcknowledged: S.PENDING_CANCEL,
            facts.VenueOrderFilled: S.PENDING_CANCEL,
            facts.FillRefuted: S.PENDING_CANCEL,
            facts.VenueOrderAmended: S.PENDING_CANCEL,
            facts.VenueOrderUnknown: S.UNCONFIRMED,
            **_ENDED_AT_VENUE,
        }
    ),
    S.UNCONFIRMED: _named(
        {
            facts.VenueOrderAcknowledged: S.UNCONFIRMED,
            facts.VenueOrderFilled: S.UNCONFIRMED,
            facts.FillRefuted: S.UNCONFIRMED,
            facts.VenueOrderAmended: S.UNCONFIRMED,
            facts.VenueOrderFound: S.WORKING,
            facts.VenueOrderUnknown: S.UNCONFIRMED,
            facts.VenueOrderCanceling: S.PENDING_CANCEL,
            **_ENDED_AT_VENUE,
        }
    ),
    S.FILLED: _named({facts.VenueOrderFilled: S.FILLED, facts.FillRefuted: S.HELD}),
    S.CANCELED: _named({facts.VenueOrderFilled: S.CANCELED, facts.FillRefuted: S.CANCELED}),
    S.REJECTED: _named({facts.VenueOrderFilled: S.REJECTED, facts.FillRefuted: S.REJECTED}),
    S.EXPIRED: _named({facts.VenueOrderFilled: S.EXPIRED, facts.FillRefuted: S.EXPIRED}),
}


def moved(state: LegState, fact: object) -> LegState:
    """The state after ``fact``."""
    after = TABLE[state].get(type(fact).__name__)
    assert after is not None, f"illegal move: {type(fact).__name__} on a leg that is {state}"
    return after
