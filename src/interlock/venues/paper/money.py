"""Money at the paper exchange: what an account has of each asset that something is priced in.

Decides what an account begins with. Invariant: a wallet is the deposit and everything that its
executions have realised, less their fees, to the last digit; nothing is held back, as this exchange
asks for no margin.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from interlock.orders.grid import Grid
from interlock.orders.reports import Balance
from interlock.venues.paper.accounts import PaperPosition
from interlock.venues.paper.book import Market

DEPOSIT: Final = Decimal(100_000)
"""What every account has of each asset at first."""
MONIES: Final = ("USDT", "USDC", "FDUSD", "USD", "EUR", "BTC", "ETH", "BNB")
CASH: Final = "CASH"


def money_of(symbol: str) -> str:
    """The asset that an instrument is priced in, by the end of its name."""
    name = symbol.rpartition(".")[0]
    return next((one for one in MONIES if name.endswith(one) and name != one), CASH)


def balances(
    account: str, markets: Mapping[str, Market], positions: Iterable[PaperPosition]
) -> tuple[Balance, ...]:
    """Of every asset that something here is priced in."""
    wallets = dict.fromkeys((money_of(symbol) for symbol in markets), DEPOSIT)
    open_profits = dict.fromkeys(wallets, Decimal(0))
    for held in positions:
        if held.account == account:
            market, asset = markets[held.instrument], money_of(held.instrument)
            wallets[asset] += _money(market.grid, held.realised - held.fees)
            open_profits[asset] += _money(market.grid, _open_profit(held, market))
    return tuple(_balance(asset, wallet, open_profits[asset]) for asset, wallet in wallets.items())


def _balance(asset: str, wallet: Decimal, open_profit: Decimal) -> Balance:
    free = max(Decimal(0), wallet + min(Decimal(0), open_profit))
    equity = wallet + open_profit
    return Balance(asset, _text(free), "0", _text(wallet), _text(equity), "0")


def _open_profit(held: PaperPosition, market: Market) -> int:
    sign = 1 if held.quantity > 0 else -1
    return sign * ((market.mark or market.last) * abs(held.quantity) - held.cost)


def _money(grid: Grid, units: int) -> Decimal:
    return Decimal(grid.money_text(units))


def _text(amount: Decimal) -> str:
    return format(amount, "f")
