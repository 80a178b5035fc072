"""Balances: what is there of each asset, and what open orders hold of it.

Decides whether an order can be paid. Invariant: a fee is taken from the asset that is received, so
what was bought is less than what the order said (VENUES 6.2.7); nothing is spent twice.
"""

from collections.abc import Iterable
from decimal import ROUND_UP, Decimal
from typing import Any

from interlock.orders.grid import Grid
from interlock.sandbox.binance.spot.lists import OrderList
from interlock.sandbox.binance.spot.orders import Asked, Order, plain
from interlock.venues.paper.book import Market

QUOTES = ("USDT", "USDC", "FDUSD", "BTC", "ETH", "BNB")
FEE_BPS = "10"
CENT = Decimal("0.00000001")


def assets(symbol: str) -> tuple[str, str]:
    """Base and quote."""
    for quote in QUOTES:
        if symbol.endswith(quote) and symbol != quote:
            return symbol.removesuffix(quote), quote
    return symbol, QUOTES[0]


def money(grid: Grid, units: int) -> Decimal:
    return Decimal(grid.money_text(units))


def amount(grid: Grid, units: int) -> Decimal:
    return Decimal(grid.quantity_text(units))


class Wallet:
    """Of one account. ``fee_bps`` is charged on every fill."""

    def __init__(self, held: dict[str, Decimal]) -> None:
        self.held = held
        self.fee_bps = Decimal(FEE_BPS)

    def of(self, asset: str) -> Decimal:
        return self.held.get(asset, Decimal(0))

    def fill(self, asked: Asked, grid: Grid, price: int, quantity: int) -> tuple[Decimal, str]:
        """Book a fill; the fee and its asset."""
        base, quote = assets(asked.symbol)
        bought, worth = amount(grid, quantity), money(grid, price * quantity)
        asset, received = (base, bought) if asked.side > 0 else (quote, worth)
        fee = (received * self.fee_bps / 10_000).quantize(CENT, ROUND_UP)
        self.held[base] = self.of(base) + asked.side * bought
        self.held[quote] = self.of(quote) - asked.side * worth
        self.held[asset] -= fee
        return fee, asset

    def locked(self, orders: Iterable[Order], lists: dict[int, OrderList]) -> dict[str, Decimal]:
        """What open orders hold, by asset; a pair of which one goes holds the larger of the two."""
        found: dict[str, Decimal] = {}
        pairs: dict[int, tuple[str, Decimal]] = {}
        for order in orders:
            if not order.open or order.pending:
                continue
            asset, needed = need(order.asked, order.market, order.leaves)
            of = lists.get(order.list_id)
            if of is not None and of.sibling(order) is not None:
                _, before = pairs.get(order.list_id, (asset, Decimal(0)))
                pairs[order.list_id] = asset, max(before, needed)
            else:
                found[asset] = found.get(asset, Decimal(0)) + needed
        for asset, needed in pairs.values():
            found[asset] = found.get(asset, Decimal(0)) + needed
        return found

    def view(self, locked: dict[str, Decimal]) -> list[dict[str, Any]]:
        return [
            {
                "asset": asset,
                "free": plain(held - locked.get(asset, Decimal(0))),
                "locked": plain(locked.get(asset, Decimal(0))),
            }
            for asset, held in sorted(self.held.items())
        ]


def need(asked: Asked, market: Market, quantity: int) -> tuple[str, Decimal]:
    """What an order takes of which asset."""
    base, quote = assets(asked.symbol)
    grid = market.grid
    if asked.side < 0:
        return base, amount(grid, quantity)
    price = asked.price or asked.stop_price
    if price is not None:
        return quote, money(grid, price * quantity)
    cost, left = 0, quantity
    for price, size in market.opposite(asked.side).offers(None):
        some = left if size is None else min(size, left)
        cost, left = cost + price * some, left - some
        if not left:
            break
    return quote, money(grid, cost)
