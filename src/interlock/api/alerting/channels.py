"""Channels: Telegram, Discord, e-mail, webhooks and the rest, through apprise.

Decides what an address may be and when a message counts as told. Invariant: an address is never
printed or logged: what libraries say while they send is not listened to.
"""

import hashlib
import logging
from collections.abc import Mapping
from typing import Any, Final, Protocol

ATTEMPTS: Final = 3
ATTEMPTS_S_MAX: Final = 30.0
LIBRARIES: Final = ("apprise", "urllib3", "requests", "requests_oauthlib")
"""Their debug lines hold whole addresses."""


class NotTold(Exception):
    """A channel did not take a message."""


class Channel(Protocol):
    """Somewhere to tell."""

    name: str
    shown: str

    def tell(self, title: str, text: str, protective: bool) -> None:
        """Raises ``NotTold``."""


class AppriseChannel:
    """One address."""

    def __init__(self, name: str, url: str) -> None:
        """Raises ``ValueError`` for what is no address; its message does not quote it."""
        import apprise

        hush()
        self.name = name
        found: Any = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if found is None:
            raise ValueError(
                f"alert channel {name}: its address is none that apprise can use; "
                "https://github.com/caronc/apprise/wiki lists them"
            )
        self._to = found
        self.shown = f"{found.service_name}, {url.partition('://')[0]}://..."

    def tell(self, title: str, text: str, protective: bool) -> None:
        kind = "failure" if protective else "info"
        try:
            taken = self._to.notify(body=text, title=title, notify_type=kind)
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as fault:
            # A fault of one service's plugin must not end the telling there for good.
            raise NotTold(f"{self.name} did not take it: {type(fault).__name__}") from None
        if not taken:
            raise NotTold(f"{self.name} did not take it")


def tell(channel: Channel, title: str, text: str, protective: bool) -> None:
    """Tell, a few times if need be. Raises ``NotTold``."""
    import stamina

    for attempt in stamina.retry_context(
        on=NotTold, attempts=ATTEMPTS, timeout=ATTEMPTS_S_MAX, wait_initial=0.5, wait_max=5.0
    ):
        with attempt:
            channel.tell(title, text, protective)


def opened(sealed: Mapping[str, str], typed: str) -> list[Channel]:
    """Every channel: those that are kept, and addresses of the environment, separated by spaces.

    Raises ``ValueError``.
    """
    named = dict(sealed)
    for url in typed.split():
        mark = hashlib.blake2b(url.encode(), digest_size=3).hexdigest()
        named[f"environment-{mark}"] = url
    return [AppriseChannel(name, url) for name, url in named.items()]


def hush() -> None:
    import stamina

    stamina.instrumentation.set_on_retry_hooks([])
    for name in LIBRARIES:
        log = logging.getLogger(name)
        log.handlers = [logging.NullHandler()]
        log.propagate = False
        log.setLevel(logging.CRITICAL)
