"""Binance Spot as a venue: one account, its orders and pairs, its balances.

Decides what its streams are and what their events say. Invariants: a leg that the exchange ended
for its pair is never taken for one that somebody canceled; an order that is not ours is never
reported, only that a balance may have moved.
"""

import asyncio
from typing import Any, Final

from interlock.orders.capabilities import Capabilities, IdPromise, Reach
from interlock.orders.requests import QueryPosition
from interlock.venues.binance import events
from interlock.venues.binance.account import Account
from interlock.venues.binance.answers import Failure
from interlock.venues.binance.calls import SUBSCRIBING, Calls, StreamLost
from interlock.venues.binance.desk import Desk
from interlock.venues.binance.link import BinanceLink
from interlock.venues.binance.questions import Questions
from interlock.venues.binance.spotdesk import SpotDesk
from interlock.venues.binance.spotquestions import SpotQuestions, balance
from interlock.venues.binance.wording import SPOT, Wording

CAPABILITIES: Final = Capabilities(
    native_oco=True,
    oco_needs_stop=True,
    native_oto=True,
    one_exit_rests=True,
    native_stop=True,
    native_reduce=True,
    positions=False,
    fills_since=True,
    cancel_all=Reach.SYMBOL,
    reduce_only=False,
    id_promise=IdPromise.UNIQUE_WHILE_OPEN,
    request_validity_ns=5_000_000_000,
    reply_timeout_ns=12_000_000_000,
)
"""The reply timeout is beyond the exchange's own ten seconds and the library's."""
ANSWERED_S: Final = 10.0


class BinanceSpot(BinanceLink):
    """One account."""

    def of_market(self) -> tuple[Capabilities, Wording]:
        return CAPABILITIES, SPOT

    def desk(self, account: Account) -> Desk:
        return SpotDesk(account)

    def questions(self, account: Account) -> Questions:
        return SpotQuestions(account)

    async def prepared(self, calls: Calls, account: Account) -> str:
        """Instruments."""
        info = await calls.ask("GET", "exchangeInfo", {}, "public")
        if isinstance(info, Failure):
            return f"its instruments cannot be read ({info.detail})"
        self.listed(account, info, False)
        return ""

    async def streams(self, calls: Calls) -> list[Any]:
        self._subscribed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        user = await calls.subscribe()
        waited = asyncio.ensure_future(user)
        await asyncio.wait(
            [self._subscribed, waited], timeout=ANSWERED_S, return_when=asyncio.FIRST_COMPLETED
        )
        if not self._subscribed.done() or self._subscribed.result():
            why = self._subscribed.result() if self._subscribed.done() else "no answer"
            raise StreamLost(f"private events cannot be subscribed to: {why}")
        low = [symbol.lower() for symbol in self._settings.symbols]
        names = "/".join(f"{one}@aggTrade/{one}@bookTicker" for one in low)
        return [waited, await calls.follow(f"/stream?streams={names}")]

    def hear(self, message: dict[str, Any]) -> None:
        if message.get("id") == SUBSCRIBING and not self._subscribed.done():
            refused = message.get("error")
            self._subscribed.set_result(str(refused) if refused else "")
            return
        event = message.get("event") or message.get("data") or message
        match event.get("e", "bookTicker" if "u" in event else ""):
            case "executionReport":
                self._execution(event)
            case "outboundAccountPosition":
                self._balances(event)
            case "balanceUpdate":
                self._moved(event["a"])
            case "eventStreamTerminated" | "serverShutdown":
                self.end("its user stream has been ended")
            case "aggTrade" | "bookTicker":
                self.market_event(event)

    def _execution(self, o: dict[str, Any]) -> None:
        account = self._account
        grid = account.grids.get(o["s"]) if account is not None else None
        if account is None or grid is None:
            return
        written = o.get("C") or o["c"]  # of a cancel, the second is the cancel's own
        account.note(str(o["i"]), written)
        client_id = self._ids.ours(written)
        if client_id is None:
            if o["x"] == "TRADE":
                self._stray.add(o["s"])
            return
        known = self.told_of(client_id)
        asked = known is not None and known.canceling
        list_id = int(o.get("g", -1))
        if known is not None:
            known.list_id = list_id
            if asked:
                account.ending.add(list_id)
        if o["X"] == "FILLED":
            account.known.pop(client_id, None)
        if o["x"] == "REPLACED":
            wanted = account.amending.pop(client_id, None)
            if wanted == events.units(grid, o["q"]):
                return  # the answer tells
        ending = list_id != -1 and list_id in account.ending
        for report in events.of_execution(
            client_id, o, grid, account.quotes[o["s"]], self._now(), asked, ending
        ):
            self.report(report)

    def _balances(self, event: dict[str, Any]) -> None:
        """Balances matter where somebody else had a hand in them; ours we book by their fills."""
        account, now = self._account, self._now()
        if account is None:
            return
        for symbol in self._stray:
            base = symbol.removesuffix(account.quotes[symbol])
            for one in event["B"]:
                if one["a"] == base:
                    name, grid = f"{symbol}.{self.name}", account.grids[symbol]
                    of = self._settings.account, name, grid
                    self.report(balance(*of, one["f"], one["l"], now, now))
        self._stray.clear()

    def _moved(self, asset: str) -> None:
        """Paid in or out: whether our part is still there is asked."""
        account = self._account
        for symbol, quote in account.quotes.items() if account is not None else ():
            if symbol.removesuffix(quote) == asset:
                label = self._settings.account
                self.send(QueryPosition(label, f"{symbol}.{self.name}"), self._now())
