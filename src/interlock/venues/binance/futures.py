"""Binance USD-M Futures as a venue: one account, two order families, three streams.

Decides what its streams are and what their events say. Invariant: an order that is not ours is
never reported, only that a position may have moved.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from msgspec.structs import replace

from interlock.orders.capabilities import Capabilities, IdPromise, Reach
from interlock.orders.reports import Canceled, CancelReason, OutcomeUnknown, Position
from interlock.venues.binance import events
from interlock.venues.binance.account import Account
from interlock.venues.binance.answers import Failure
from interlock.venues.binance.calls import Calls, StreamLost
from interlock.venues.binance.link import BinanceLink
from interlock.venues.binance.wording import FUTURES, Wording

CAPABILITIES: Final = Capabilities(
    native_stop=True,
    native_amend=True,
    conditional_ids=True,
    fills_since=True,
    cancel_all=Reach.FAMILY,
    countdown=Reach.SYMBOL,
    id_promise=IdPromise.UNIQUE_WHILE_OPEN,
    request_validity_ns=5_000_000_000,
    reply_timeout_ns=12_000_000_000,
)
"""The reply timeout is beyond the exchange's own ten seconds and the library's."""
KEEP_S: Final = 1_800.0
"""Between two extensions of the listen key, which lives for an hour."""
FINISHED_S: Final = 2.0
"""The event of an order and that of the algo order which became it come in either order."""


class BinanceFutures(BinanceLink):
    """One account."""

    def of_market(self) -> tuple[Capabilities, Wording]:
        return CAPABILITIES, FUTURES

    async def prepared(self, calls: Calls, account: Account) -> str:
        """Instruments and position mode."""
        info = await calls.ask("GET", "exchangeInfo", {}, "fapiPublic")
        if isinstance(info, Failure):
            return f"its instruments cannot be read ({info.detail})"
        mode = await calls.ask("GET", "positionSide/dual", {})
        if isinstance(mode, Failure):
            return f"its position mode cannot be read ({mode.detail})"
        hedge = str(mode["dualSidePosition"]).lower() == "true"
        self.listed(account, info, hedge)
        return ""

    async def streams(self, calls: Calls) -> list[Any]:
        key = await calls.ask("POST", "listenKey", {})
        if isinstance(key, Failure):
            raise StreamLost(key.detail)
        low = [symbol.lower() for symbol in self._settings.symbols]
        trades = "/".join(f"{one}@aggTrade/{one}@markPrice@1s" for one in low)
        quotes = "/".join(f"{one}@bookTicker" for one in low)
        return [
            await calls.follow(f"/private/ws?listenKey={key['listenKey']}"),
            await calls.follow(f"/market/stream?streams={trades}"),
            await calls.follow(f"/public/stream?streams={quotes}"),
        ]

    def upkeep(self, calls: Calls) -> tuple[Coroutine[Any, Any, None], ...]:
        async def keep_key() -> None:
            while True:
                await asyncio.sleep(KEEP_S)
                kept = await calls.ask("PUT", "listenKey", {})
                if isinstance(kept, Failure) and kept.code == -1125:
                    self.end("its listen key has gone")

        if self._account is None or not self._settings.countdown_ms:
            return (keep_key(),)
        return keep_key(), self._countdown.keep(self._account, lambda: self.counted())

    def hear(self, message: dict[str, Any]) -> None:
        event = message.get("data", message)
        match event.get("e"):
            case "ORDER_TRADE_UPDATE":
                self._order_event(event["o"])
            case "ALGO_UPDATE":
                self._algo_event(event["o"])
            case "ACCOUNT_UPDATE":
                self._account_event(event)
            case "listenKeyExpired":
                self.end("its listen key has expired")
            case "aggTrade" | "bookTicker" | "markPriceUpdate":
                self.market_event(event)

    def _order_event(self, o: dict[str, Any]) -> None:
        account = self._account
        grid = account.grids.get(o["s"]) if account is not None else None
        if account is None or grid is None:
            return
        account.note(str(o["i"]), o["c"])
        client_id = self._ids.ours(o["c"])
        if client_id is None:
            if o["x"] in ("TRADE", "CALCULATED"):
                self._stray.add(o["s"])
            return
        known = self.told_of(client_id)
        asked = known is not None and known.canceling
        if known is not None:
            known.conditional = False
        if o["X"] == "FILLED":
            account.known.pop(client_id, None)
        if o["x"] == "AMENDMENT" and known is not None and known.amending is not None:
            shown = events.units(grid, o["q"]), events.price(grid, o["p"])
            if known.amending == shown:
                return  # the answer tells
        for report in events.of_order(
            client_id, o, grid, account.quotes[o["s"]], self._now(), asked
        ):
            outside = isinstance(report, Canceled) and report.reason is CancelReason.OUTSIDE
            if outside and account.fired(o["s"], o["T"]):
                report = replace(report, reason=CancelReason.COUNTDOWN)
            self.report(report)

    def _algo_event(self, o: dict[str, Any]) -> None:
        account, client_id = self._account, self._ids.ours(o["caid"])
        if account is None or client_id is None:
            return
        known = self.told_of(client_id)
        asked = known is not None and known.canceling
        for report in events.of_algo(client_id, o, self._now(), asked):
            self.report(report)
        if o["X"] == "FINISHED":
            asyncio.get_running_loop().call_later(FINISHED_S, self._doubt, client_id)

    def _doubt(self, client_id: str) -> None:
        """Its order is over, one way or the other, and no event has said which."""
        if self._account is not None and client_id in self._account.known:
            detail = "the algo order is finished, and nothing was told of its order"
            self.report(OutcomeUnknown(self._now(), client_id, detail))

    def _account_event(self, event: dict[str, Any]) -> None:
        """Positions matter where somebody else had a hand in them; ours we book by their fills."""
        account, update = self._account, event["a"]
        if account is None:
            return
        now = self._now()
        for one in update.get("P", ()):
            grid = account.grids.get(one["s"])
            if grid is None or (update["m"] == "ORDER" and one["s"] not in self._stray):
                continue
            shown = {"symbol": one["s"], "positionSide": one["ps"], "positionAmt": one["pa"]}
            for report in events.of_positions(
                self._settings.account, self.name, {one["s"]: grid}, [shown], now, now
            ):
                assert isinstance(report, Position)
                self.report(report)
        self._stray.clear()
