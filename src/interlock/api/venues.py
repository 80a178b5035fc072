"""Which venue a server works on: the paper exchange here, in another process, or a real one.

Decides what is made of the configuration. Invariant: credentials of one environment never reach
the addresses of another, and a mismatch ends the start.
"""

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from interlock.api.access.opening import Access
from interlock.api.config import Config, ConfigWrong
from interlock.venues.binance.settings import (
    BinanceSettings,
    Environment,
    MarketKind,
    settings_problem,
)
from interlock.venues.port import RemoteVenue

BINANCE = "BINANCE"
"""The name under which its credentials are kept, for all of its markets."""
COUNTDOWN_FILE = "venue-countdown.json"
KINDS = {
    "binance-futures": ("USDM", MarketKind.FUTURES),
    "binance-spot": ("SPOT", MarketKind.SPOT),
}
"""The kinds of venues there, with the part of a symbol after the dot."""


def binance_settings(
    config: Config, access: Access, folder: Path | None = None
) -> BinanceSettings | None:
    """What a ``venue.kind`` of Binance comes to; nothing for other kinds. ``folder`` is where what
    has to last is kept.

    Raises ``ConfigWrong`` for what cannot be used.
    """
    venue = config.venue
    if venue.countdown_s and venue.kind != "binance-futures":
        raise ConfigWrong(
            f"venue: countdown_s is {venue.countdown_s}, and {venue.kind} has no countdown of its "
            f"own. Set it to 0; a countdown of a client's (interlock countdown arm) needs none"
        )
    if venue.kind not in KINDS:
        return None
    name, market = KINDS[venue.kind]
    made = BinanceSettings(
        name,
        Environment(config.environment),
        venue.account,
        venue.symbols,
        prefix_of(access),
        venue.address,
        market,
        venue.countdown_s * 1_000,
        str(folder / COUNTDOWN_FILE) if folder and market is MarketKind.FUTURES else "",
    )
    problem = settings_problem(made)
    if problem:
        raise ConfigWrong(f"venue: {problem}")
    return made


def prefix_of(access: Access) -> str:
    """Marks this installation's orders: of the master key, so it stays what it is."""
    return "i" + blake2b(access.vault.derive("client ids"), digest_size=3).hexdigest()


def binance(
    settings: BinanceSettings,
    access: Access,
    now: Callable[[], int],
    told: Callable[[str], None],
) -> RemoteVenue:
    """The venue with its credentials, which must be of the server's environment.

    Raises ``VenueCredentialsMissing``.
    """
    from interlock.venues.binance.futures import BinanceFutures
    from interlock.venues.binance.spot import BinanceSpot

    # The library takes a second to load: only who trades there waits for it.
    credentials = access.venues.of(BINANCE, settings.environment)
    kind = BinanceSpot if settings.market is MarketKind.SPOT else BinanceFutures
    return kind(settings, credentials.key, credentials.secret, now, told)
