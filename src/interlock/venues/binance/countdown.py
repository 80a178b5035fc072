"""The exchange's own countdown, armed behind ours (decision 0012): it cancels a symbol's regular
orders, everybody's, when it has not been told in time that we live.

Decides when it is told, and which cancels it can have made. Invariants: without the setting nothing
is ever asked; a cancel is the countdown's only where it came when an armed one had run out, and for
that its times are kept in a file before it is first armed.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from interlock.venues.binance.account import Account
from interlock.venues.binance.answers import Failure
from interlock.venues.binance.budget import Priority
from interlock.venues.binance.calls import TIMEOUT_MS
from interlock.venues.binance.params import symbol_of

WEIGHT: Final = 10
LOOK_S_MAX: Final = 1.0
"""Between two looks at what is to be counted down."""
SLACK_MS: Final = 1_000
AGREE_MS: Final = 500
"""Two clocks, one of them beyond a wire, agree no better."""
WINDOWS_MAX: Final = 50
PART_S_MAX: Final = 5.0
Wanted = Callable[[], frozenset[str] | None]
"""The instruments to be counted down; nothing while that is not known."""


class Window(Struct, array_like=True):
    """When a countdown may have run out: milliseconds by the exchange's clock."""

    earliest: int
    latest: int


class _Kept(Struct):
    armed: dict[str, Window] = {}
    past: dict[str, list[Window]] = {}


class Countdown:
    """Of one account. ``after_ms`` 0: off; what an earlier life armed is still known."""

    def __init__(self, after_ms: int, file: str, told: Callable[[str], None]) -> None:
        self._after_ms = after_ms
        self._file = Path(file) if file else None
        self._told = told
        self._said = ""
        self._due: dict[tuple[str, bool], float] = {}
        """When to ask next, by symbol, to arm it or to stop it; a steady clock's seconds."""
        self._asking = asyncio.Lock()
        self._over = False
        self._kept = _Kept()
        if self._file is not None and self._file.exists():
            with suppress(OSError, msgspec.MsgspecError):  # then no cancel can be proven to be its
                self._kept = msgspec.json.decode(self._file.read_bytes(), type=_Kept)

    def armed(self, at_ms: int) -> tuple[str, ...]:
        """Symbols that it may be armed for, at a moment of the exchange's clock."""
        armed = self._kept.armed
        return tuple(sorted(symbol for symbol, one in armed.items() if at_ms <= one.latest))

    def fired(self, symbol: str, at_ms: int) -> bool:
        """Whether what ended a regular order at this moment of the exchange's clock was it."""
        kept, margin = self._kept, self._margin_ms
        found = [*kept.past.get(symbol, ()), *filter(None, [kept.armed.get(symbol)])]
        return any(one.earliest - margin <= at_ms <= one.latest + margin for one in found)

    async def keep(self, account: Account, wanted: Wanted) -> None:
        """Arm, refresh at a third of its time, and stop, for as long as there is a connection."""
        while True:
            found = None if self._over else wanted()
            if found is not None:
                async with self._asking:
                    await self._ask_what_is_due(account, {symbol_of(name) for name in found})
            await asyncio.sleep(min(LOOK_S_MAX, self._after_ms / 6_000))

    async def part(self, account: Account) -> None:
        """The server ends as asked: the exchange is not to act on our silence."""
        self._over = True
        with suppress(TimeoutError):
            async with asyncio.timeout(PART_S_MAX), self._asking:
                await self._ask_what_is_due(account, set())

    async def _ask_what_is_due(self, account: Account, wanted: set[str]) -> None:
        now = account.steady()
        due = [
            self._ask(account, symbol, symbol in wanted)
            for symbol in sorted(wanted | set(self._kept.armed))
            if self._due.get((symbol, symbol in wanted), 0.0) <= now
        ]
        await asyncio.gather(*due)

    async def _ask(self, account: Account, symbol: str, arms: bool) -> None:
        after_ms = self._after_ms if arms else 0
        third_s = self._after_ms / 3_000
        sent = _their_ms(account)
        last = sent + TIMEOUT_MS + after_ms + SLACK_MS
        known = self._kept.armed.get(symbol)
        if known is None:  # its answer may be lost
            self._kept.armed[symbol] = Window(sent + after_ms, last)
            self._write()
        else:
            known.latest = max(known.latest, last)
        asked = {"symbol": symbol, "countdownTime": after_ms}
        found: Any = None
        with suppress(TimeoutError):
            async with asyncio.timeout(third_s):
                found = await account.ask(
                    *("POST", "countdownCancelAll", asked, WEIGHT, Priority.PROTECTIVE),
                    within_s=third_s,
                )
        done = isinstance(found, dict)
        self._due[symbol, arms] = account.steady() + (third_s if done else third_s / 3)
        self._due.pop((symbol, not arms), None)
        if done:
            self._answered(account, symbol, sent, after_ms)
        self._tell(symbol, found if isinstance(found, Failure) else None)

    def _answered(self, account: Account, symbol: str, sent: int, after_ms: int) -> None:
        """It counts anew, or not at all; what ran out before that stays known."""
        answered, before = _their_ms(account), self._kept.armed.pop(symbol)
        if before.earliest - self._margin_ms <= answered:
            ended = Window(before.earliest, min(before.latest, answered))
            past = [*self._kept.past.get(symbol, ()), ended]
            self._kept.past[symbol] = past[-WINDOWS_MAX:]
        if after_ms:
            last = answered + 2 * after_ms + SLACK_MS  # a refresh may arrive, and its answer not
            self._kept.armed[symbol] = Window(sent + after_ms, last)
        self._write()

    @property
    def _margin_ms(self) -> int:
        return min(AGREE_MS, self._after_ms // 4) if self._after_ms else AGREE_MS

    def _write(self) -> None:
        if self._file is None:
            return
        beside = self._file.with_suffix(".new")
        try:
            beside.write_bytes(msgspec.json.encode(self._kept))
            beside.replace(self._file)
        except OSError as error:
            self._say(f"{self._file} cannot be written: {error.strerror}")

    def _tell(self, symbol: str, failure: Failure | None) -> None:
        if failure is not None:
            self._say(f"the countdown of {symbol} could not be set ({failure.detail})")

    def _say(self, what: str) -> None:
        """Once, until it is something else."""
        if what != self._said:
            self._told(what)
        self._said = what


def _their_ms(account: Account) -> int:
    return account.now() // 1_000_000 + account.calls.ahead_ms
