"""The Python client: ``Client`` and ``AsyncClient``, and a trader's words for orders.

Decides what is public. Invariant: a program needs to import from here alone.
"""

from interlock.client.asynchronous import AsyncClient
from interlock.client.errors import Garbled, InterlockError, Refused, Unreachable
from interlock.client.following import Fact, Message, Price, Snapshot
from interlock.client.retrying import Retry
from interlock.client.settings import URL
from interlock.client.sync import Client
from interlock.client.views import Distance, FromEntry
from interlock.client.words import (
    all_of,
    bracket,
    distance,
    from_entry,
    ladder,
    limit,
    limit_if_touched,
    market,
    market_if_touched,
    oco,
    once_filled,
    oto,
    placement,
    stop,
    stop_limit,
    trailing_stop,
    trailing_stop_limit,
)

__all__ = [
    "URL",
    "AsyncClient",
    "Client",
    "Distance",
    "Fact",
    "FromEntry",
    "Garbled",
    "InterlockError",
    "Message",
    "Price",
    "Refused",
    "Retry",
    "Snapshot",
    "Unreachable",
    "all_of",
    "bracket",
    "distance",
    "from_entry",
    "ladder",
    "limit",
    "limit_if_touched",
    "market",
    "market_if_touched",
    "oco",
    "once_filled",
    "oto",
    "placement",
    "stop",
    "stop_limit",
    "trailing_stop",
    "trailing_stop_limit",
]
