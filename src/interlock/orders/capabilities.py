"""What a venue can and promises, as a record the engine decides by."""

from enum import StrEnum

from msgspec import Struct


class IdPromise(StrEnum):
    """What a venue promises about our client ids (DESIGN 4, never two live orders for one leg)."""

    UNIQUE_FOR_EVER = "unique_for_ever"
    """A duplicate is refused: the same id may be sent again freely."""
    UNIQUE_WHILE_OPEN = "unique_while_open"
    """With expiring requests: wait out the expiry, query, then resend."""
    NONE = "none"
    """Never resend by itself: the leg is in doubt and a person is told."""


class Reach(StrEnum):
    """How far one request reaches at a venue. Whatever it reaches, it reaches of everybody."""

    NONE = "none"
    """There is no such request."""
    FAMILY = "family"
    """One symbol's orders of one family, such as those that wait for a trigger."""
    SYMBOL = "symbol"
    """One symbol's orders."""
    ACCOUNT = "account"
    """All orders of the account."""


class Capabilities(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One venue's abilities. Defaults are a plain venue that rests limits and little else."""

    native_oco: bool = False
    """Order lists of two: the venue cancels the sibling itself, on the first fill or trigger."""
    oco_needs_stop: bool = False
    """Such a list is a limit beside a stop; two of a kind are sent as single orders."""
    native_oto: bool = False
    """Order lists of an entry and its exits: they wait there, and the complete fill of the entry
    releases them. Whatever ends the entry before that ends them, and canceling one cancels all."""
    one_exit_rests: bool = False
    """An order that rests reserves what it sells: of exits that share one quantity only one can
    rest there, or two as such a list (Binance Spot)."""
    native_stop: bool = False
    """Rests stop and stop-limit orders and fires them on the last trade."""
    native_amend: bool = False
    """Changes price and quantity of a resting order in place."""
    native_reduce: bool = False
    """Makes the quantity of a resting order smaller in place, and changes nothing else there."""
    conditional_ids: bool = False
    """Orders that wait for a trigger live in an id space of their own (Binance USD-M's algo
    orders): they can't be amended or listed in pairs, and become another order when they trigger;
    the client id stays."""
    positions: bool = True
    """What is held is a position, long or short, that fills alone have made. Without it it is a
    balance: other coins lie in it as well, and it is never below zero."""
    fills_since: bool = False
    """Tells all fills since a moment, so that none is missed that no stream told of."""
    final_after_ns: int = 0
    """A fill may be taken back for so long after it was told, and is asked about again at the end
    of that; 0: the moment it is told it is final."""
    cancel_all: Reach = Reach.NONE
    """What one request cancels at most. It is not sent: it would cancel other people's orders."""
    countdown: Reach = Reach.NONE
    """What the venue cancels when it has not been told in time that we live. Armed behind a
    countdown of ours where the account's owner has chosen that."""
    iceberg: bool = False
    reduce_only: bool = True
    post_only: bool = True
    id_promise: IdPromise = IdPromise.UNIQUE_FOR_EVER
    request_validity_ns: int = 5_000_000_000
    """A request that reaches the venue later than this after it was sent is refused by it."""
    reply_timeout_ns: int = 3_000_000_000
    """No report after this long: the outcome is unknown and is asked for."""
