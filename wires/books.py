"""The exchange's own books, in our words.

Decides nothing. Invariant: only what carries our mark is ours.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct, structs

from interlock.sandbox.binance.futures.exchange import Futures
from interlock.sandbox.binance.futures.orders import trade_id
from interlock.venues.paper.ledger import PaperExecution


class OpenThere(Struct, frozen=True):
    """An open order of ours as the exchange has it."""

    client_id: str
    quantity: int
    cum: int
    price: int | None


class Books:
    """Of one account. ``mark`` begins our ids there. Implements ``audit.ending.VenueBooks``."""

    def __init__(self, futures: Futures, mark: str) -> None:
        self._futures = futures
        self._mark = mark

    def ours(self, written: str) -> str:
        """Our own id, empty for somebody else's."""
        return written.removeprefix(self._mark) if written.startswith(self._mark) else ""

    def open_orders(self) -> Sequence[OpenThere]:
        found = [
            OpenThere(self.ours(o.asked.client_id), o.paper.quantity, o.paper.cum, o.paper.price)
            for o in self._futures.open_orders()
        ]
        found += [
            OpenThere(self.ours(a.asked.client_id), a.asked.quantity, 0, a.asked.price)
            for a in self._futures.algos.waiting()
        ]
        return [one for one in found if one.client_id]

    def executions(self) -> Sequence[PaperExecution]:
        """As the adapter names them."""
        return [
            structs.replace(
                one,
                client_id=self.ours(one.client_id),
                execution=structs.replace(
                    one.execution,
                    exec_id=f"{symbol_of(one)}-{trade_id(one.execution.exec_id)}",
                ),
            )
            for one in self._futures.exchange.executions()
        ]

    def ever(self) -> Iterator[tuple[str, str]]:
        """Every order of ours that was ever accepted: its family, and our id."""
        for order in self._futures.orders.values():
            if self.ours(order.asked.client_id):
                yield "order", self.ours(order.asked.client_id)
        for symbol in self._futures.symbols:
            for algo in self._futures.algos.all(symbol):
                if self.ours(algo.asked.client_id):
                    yield "algo", self.ours(algo.asked.client_id)

    def held(self) -> dict[tuple[str, str], int]:
        """What is held, by symbol and side."""
        return {
            (p.instrument, str(p.position_side or "")): p.quantity
            for p in self._futures.exchange.positions()
            if p.quantity
        }


def symbol_of(execution: PaperExecution) -> str:
    return execution.instrument.rpartition(".")[0]
