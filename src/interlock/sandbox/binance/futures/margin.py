"""Margin: the wallet, what positions and entries take of it, and positions as they are told.

Decides whether an entry can be carried. Invariant: money is summed exactly, as decimals of USDT;
the model is a plain one, the same leverage and the same maintenance for all, without tiers.
"""

from decimal import Decimal
from typing import Any

from interlock.orders.grid import Grid
from interlock.orders.legs import PositionSide
from interlock.sandbox.binance.futures.orders import Asked
from interlock.venues.paper.accounts import PaperPosition
from interlock.venues.paper.book import Market
from interlock.venues.paper.exchange import PaperExchange

LEVERAGE = 20
MAINTENANCE = Decimal("0.004")
"""Of the value at the mark, as ``leverageBracket`` says."""


class Margin:
    """Of one account."""

    def __init__(self, exchange: PaperExchange, account: str, wallet: str) -> None:
        self._exchange = exchange
        self._account = account
        self.deposit = Decimal(wallet)
        self.leverage = LEVERAGE

    def moved(self, exchange: PaperExchange) -> None:
        """Another exchange takes over, with the wallet as it stands."""
        self.deposit, self._exchange = self.wallet(), exchange

    def wallet(self) -> Decimal:
        """What was paid in, with realised profit and without fees."""
        total = self.deposit
        for held in self._exchange.positions():
            grid = self._exchange.market(held.instrument).grid
            total += money(grid, held.realised - held.fees)
        return total

    def wallet_text(self) -> str:
        return plain(self.wallet())

    def available(self) -> Decimal:
        return self.wallet() + self._profit() - self._of_positions() - self._of_orders()

    def _profit(self) -> Decimal:
        held = [(self._exchange.market(one.instrument), one) for one in self._exchange.positions()]
        return sum((money(of.grid, profit(one, of)) for of, one in held), Decimal(0))

    def _of_positions(self) -> Decimal:
        """The margin that positions began with."""
        taken = Decimal(0)
        for held in self._exchange.positions():
            taken += money(self._exchange.market(held.instrument).grid, abs(held.cost))
        return taken / self.leverage

    def _of_orders(self) -> Decimal:
        taken = Decimal(0)
        for order in self._exchange.open_orders():
            if not order.submit.reduce_only and order.price is not None:
                taken += money(order.market.grid, order.price * order.leaves)
        return taken / self.leverage

    def asset(self, ms: int) -> dict[str, Any]:
        """The wallet as ``account`` has it."""
        wallet, open_profit = self.wallet(), self._profit()
        positions, orders = self._of_positions(), self._of_orders()
        kept = Decimal(0)
        for held in self._exchange.positions():
            kept += maintenance(held, self._exchange.market(held.instrument))
        out = max(Decimal(0), min(wallet, wallet + open_profit) - positions - orders)
        return {
            "asset": "USDT",
            "walletBalance": plain(wallet),
            "unrealizedProfit": plain(open_profit),
            "marginBalance": plain(wallet + open_profit),
            "maintMargin": plain(kept),
            "initialMargin": plain(positions + orders),
            "positionInitialMargin": plain(positions),
            "openOrderInitialMargin": plain(orders),
            "crossWalletBalance": plain(wallet),
            "crossUnPnl": plain(open_profit),
            "availableBalance": plain(self.available()),
            "maxWithdrawAmount": plain(out),
            "updateTime": ms,
        }

    def carries(self, asked: Asked, market: Market, closes: int) -> bool:
        """Whether what an order opens beyond what it ``closes`` is within what is available."""
        opens = max(0, asked.quantity - closes)
        price = asked.price or market.last or market.mark
        return money(market.grid, price * opens) / self.leverage <= self.available()

    def positions(self, market: Market, hedge: bool, ms: int) -> list[dict[str, Any]]:
        """One symbol's positions as ``positionRisk`` has them: one, or one for each side."""
        sides = (PositionSide.LONG, PositionSide.SHORT) if hedge else (None,)
        grid = market.grid
        found = []
        for side in sides:
            held = self._exchange.position(self._account, grid.symbol, side)
            average = held.average_price
            entry = grid.price_text(round(average)) if average is not None else "0.0"
            mark = grid.price_text(market.mark or market.last)
            found.append(
                {
                    "symbol": grid.symbol.rpartition(".")[0],
                    "positionSide": side.value.upper() if side else "BOTH",
                    "positionAmt": grid.quantity_text(held.quantity),
                    "entryPrice": entry,
                    "breakEvenPrice": entry,
                    "markPrice": mark,
                    "unRealizedProfit": grid.money_text(profit(held, market)),
                    "liquidationPrice": "0",
                    "isolatedMargin": "0",
                    "isolatedWallet": "0",
                    "notional": grid.money_text(held.quantity * (market.mark or market.last)),
                    "marginAsset": "USDT",
                    "marginType": "cross",
                    "leverage": str(self.leverage),
                    "initialMargin": plain(money(grid, abs(held.cost)) / self.leverage),
                    "maintMargin": plain(maintenance(held, market)),
                    "positionInitialMargin": plain(money(grid, abs(held.cost)) / self.leverage),
                    "openOrderInitialMargin": "0",
                    "adl": 1,
                    "bidNotional": "0",
                    "askNotional": "0",
                    "updateTime": ms,
                }
            )
        return found


def profit(held: PaperPosition, market: Market) -> int:
    """Not realised, at the mark, in money units."""
    price = market.mark or market.last
    sign = 1 if held.quantity > 0 else -1
    return sign * (price * abs(held.quantity) - held.cost) if held.quantity else 0


def maintenance(held: PaperPosition, market: Market) -> Decimal:
    return MAINTENANCE * money(market.grid, abs(held.quantity) * (market.mark or market.last))


def money(grid: Grid, units: int) -> Decimal:
    return Decimal(grid.money_text(units))


def plain(amount: Decimal) -> str:
    return format(amount.quantize(Decimal("0.00000001")), "f")
