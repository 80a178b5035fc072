"""What other people and accidents do at the exchange, drawn from a seed.

Decides nothing of its own. Invariant: whatever is done here could happen at the real exchange.
"""

from collections.abc import Callable
from random import Random
from typing import Final

from interlock.sandbox.binance.serving import FuturesSandbox

ACCIDENTS: Final = ("cut", "expire", "silent", "ban", "clock", "order", "trims")
CLOSERS: Final = ("web_1", "autoclose-1", "adl_autoclose")
"""A person, a liquidation, a deleveraging."""


class Hands:
    """At one exchange, on what carries ``mark``. ``now`` is the world's time, ns UTC."""

    def __init__(
        self,
        sandbox: FuturesSandbox,
        mark: str,
        rng: Random,
        now: Callable[[], int],
        say: Callable[[str], None],
    ) -> None:
        self._sandbox = sandbox
        self._mark = mark
        self._rng = rng
        self._now = now
        self._say = say

    def somebody(self) -> None:
        """A position closed by hand or by the exchange, or an order canceled."""
        futures, rng = self._sandbox.futures, self._rng
        at = max(self._now(), futures.exchange.now)
        held = [p for p in futures.exchange.positions() if p.quantity]
        if held and rng.random() < 0.6:
            position = rng.choice(held)
            part = rng.choice((1, 1, 2))
            signed = -(position.quantity // part if abs(position.quantity) > part else 0)
            if signed:
                by = rng.choice(CLOSERS)
                symbol = position.instrument.rpartition(".")[0]
                self._say(f"{by} closes {signed} of {symbol} {position.position_side}")
                futures.trade_outside(symbol, position.position_side, signed, by, at)
            return
        regular = [o for o in futures.open_orders() if o.asked.client_id.startswith(self._mark)]
        if regular:
            order = rng.choice(regular)
            self._say(f"somebody cancels {order.asked.client_id}")
            futures.cancel(order, at)

    def accident(self) -> None:
        sandbox, rng = self._sandbox, self._rng
        what = rng.choice(ACCIDENTS)
        self._say(f"accident {what}")
        match what:
            case "cut":
                sandbox.hub.cut()
            case "expire":
                sandbox.hub.expire_listen_keys()
            case "silent":
                sandbox.hub.silent = not sandbox.hub.silent
            case "ban":
                sandbox.gate.limits.ban(rng.randrange(100, 700))
            case "clock":
                sandbox.gate.ahead_ms = rng.choice((-6_000, -800, 0, 700, 6_000))
            case "order":
                sandbox.futures.algo_first = not sandbox.futures.algo_first
            case "trims":
                sandbox.futures.trims = not sandbox.futures.trims

    def calm(self) -> None:
        """Nothing goes wrong any more, and bans are lifted. A new connection asks about everything,
        as any gap does."""
        sandbox = self._sandbox
        sandbox.gate.faults.coming.clear()
        sandbox.gate.limits.banned_until = sandbox.gate.limits.weight.used = 0
        sandbox.hub.silent, sandbox.gate.ahead_ms = False, 0
        sandbox.futures.trims = True
        sandbox.hub.cut()
