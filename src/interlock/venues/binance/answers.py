"""Answers that are errors, and what they prove (VENUES 1.9, 2.7, 2.8).

Decides whether a request was carried out, was not, or may have been. Invariant: only what the
exchange documents as a definite no is one; everything else is unknown and is asked about.
"""

from enum import Enum, auto

from msgspec import Struct

from interlock.orders.reports import VenueReject


class Kind(Enum):
    """What an error proves of the request it answers."""

    REFUSED = auto()
    """Not carried out, and it will not be as it stands."""
    LATER = auto()
    """Not carried out; it may be asked again."""
    CLOCK = auto()
    """Not carried out, because our clock and theirs differ."""
    UNKNOWN = auto()
    """It may have been carried out."""
    NOTHING = auto()
    """There was nothing to do: as good as done."""


class Failure(Struct, frozen=True):
    """A request that was not simply answered. Without ``status`` there was no answer."""

    status: int
    code: int
    text: str
    retry_after_s: int = 0

    @property
    def detail(self) -> str:
        return f"{self.status} {self.code} {self.text}".strip()


_R = VenueReject
REJECTS: dict[int, VenueReject] = {
    -1013: _R.BELOW_NOTIONAL,
    -1111: _R.OFF_INCREMENT,
    -1121: _R.UNKNOWN_INSTRUMENT,
    -2010: _R.INSUFFICIENT_MARGIN,
    -2018: _R.INSUFFICIENT_MARGIN,
    -2019: _R.INSUFFICIENT_MARGIN,
    -2011: _R.UNKNOWN_ORDER,
    -2013: _R.UNKNOWN_ORDER,
    -2021: _R.WOULD_TRIGGER,
    -4142: _R.WOULD_TRIGGER,
    -2022: _R.REDUCE_ONLY,
    -2024: _R.REDUCE_ONLY,
    -4112: _R.REDUCE_ONLY,
    -4118: _R.REDUCE_ONLY,
    -4003: _R.BELOW_MINIMUM,
    -4004: _R.BELOW_MINIMUM,
    -4005: _R.OFF_INCREMENT,
    -4014: _R.OFF_INCREMENT,
    -4023: _R.OFF_INCREMENT,
    -4016: _R.PRICE_BAND,
    -4024: _R.PRICE_BAND,
    -4131: _R.PRICE_BAND,
    -4183: _R.PRICE_BAND,
    -4184: _R.PRICE_BAND,
    -4210: _R.PRICE_BAND,
    -4211: _R.PRICE_BAND,
    -4061: _R.POSITION_SIDE,
    -4062: _R.POSITION_SIDE,
    -4105: _R.HALTED,
    -4106: _R.HALTED,
    -4107: _R.HALTED,
    -4108: _R.HALTED,
    -4189: _R.HALTED,
    -4192: _R.HALTED,
    -4400: _R.HALTED,
    -4401: _R.HALTED,
    -4116: _R.DUPLICATE_CLIENT_ID,
    -4164: _R.BELOW_NOTIONAL,
    -5022: _R.POST_ONLY_WOULD_CROSS,
}
"""Anything else that is refused is ``unsupported``, with the exchange's own words."""

LATER = frozenset((-1003, -1008, -1015, -1034))
CLOCK = frozenset((-1021, -5028))
UNKNOWN = frozenset((-1000, -1001, -1006, -1007))
NOTHING = frozenset((-4046, -4059, -5027))
FAILED_503 = ("Service Unavailable.", "Internal error; unable to process your request.")
"""503 has four meanings, told apart by the body alone; the rest of them are unknown."""


def kind_of(failure: Failure) -> Kind:
    """What a failure proves."""
    code, status = failure.code, failure.status
    if code in CLOCK:
        return Kind.CLOCK
    if code in LATER or status in (418, 429):
        return Kind.LATER
    if status == 503:
        failed = any(failure.text.startswith(text) for text in FAILED_503)
        return Kind.LATER if failed else Kind.UNKNOWN
    if code in UNKNOWN or status >= 500 or status in (0, 408) or code == 0:
        return Kind.UNKNOWN
    return Kind.NOTHING if code in NOTHING else Kind.REFUSED


def reject_of(failure: Failure) -> VenueReject:
    if kind_of(failure) is Kind.LATER:
        return VenueReject.RATE_LIMITED
    if kind_of(failure) is Kind.CLOCK:
        return VenueReject.TOO_LATE
    return REJECTS.get(failure.code, VenueReject.UNSUPPORTED)
