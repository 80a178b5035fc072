"""Which venue a server works on: the paper exchange here, in another process, or a real one.

Decides what is made of the configuration. Invariant: credentials of one environment never reach
the addresses of another, and a mismatch ends the start.
"""

from collections.abc import Callable
from hashlib import blake2b

from interlock.api.access.opening import Access
from interlock.api.config import Config, ConfigWrong
from interlock.venues.binance.settings import BinanceSettings, Environment, settings_problem
from interlock.venues.port import RemoteVenue

BINANCE = "BINANCE"
"""The name under which its credentials are kept, for all of its markets."""
USDM = "USDM"


def binance_settings(config: Config, access: Access) -> BinanceSettings | None:
    """What ``venue.kind = "binance-futures"`` comes to; nothing for other kinds.

    Raises ``ConfigWrong`` for what cannot be used.
    """
    venue = config.venue
    if venue.kind != "binance-futures":
        return None
    made = BinanceSettings(
        USDM,
        Environment(config.environment),
        venue.account,
        venue.symbols,
        prefix_of(access),
        venue.address,
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

    # The library takes a second to load: only who trades there waits for it.
    credentials = access.venues.of(BINANCE, settings.environment)
    return BinanceFutures(settings, credentials.key, credentials.secret, now, told)
