"""The engine's settings.

Decides the limits an operator may move. Invariant: each is named in the refusal or incident that
it causes.
"""

from msgspec import Struct


class Settings(Struct, frozen=True):
    """The engine's own limits. Each is named in the refusal or incident it causes."""

    retries_max: int = 3
    """Refused exits are sent again this often before ``on_exit_reject`` goes on."""
    market_retries_max: int = 8
    retry_after_ns: int = 250_000_000
    query_after_ns: int = 1_000_000_000
    """Between two looks at an order whose fate is unknown, doubled up to 32 times."""
    queries_alert: int = 3
    """Unanswered looks after which a person is told."""
    stale_after_ns: int = 5_000_000_000
    """A price older than this when it reaches us fires nothing."""
    late_look_ns: int = 5_000_000_000
    """After a venue order was canceled, it is asked about once more for a fill told to nobody."""
    late_fill_ns: int = 60_000_000_000
    """After an interruption, orders gone for less than this are asked about for late fills."""
    keys_kept_ns: int = 86_400_000_000_000
    """A request under an idempotency key is answered as before for this long."""
    forget_after_ns: int = 900_000_000_000
    """A done order stays in memory this long, for late fills."""
    volume_every_ns: int = 1_000_000_000
