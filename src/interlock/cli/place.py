"""``interlock place``: an order from a file, or the common bracket and OCO from a line.

Decides how a trader's shorthand becomes an order. Invariant: a percentage is a distance from the
entry's average fill, with its sign as everywhere: + in the position's favour, - against it.
"""

import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from interlock.cli.connect import ProfileName, ServerJson, Yes, trading
from interlock.cli.errors import BadInput
from interlock.cli.text import out
from interlock.client import bracket, from_entry, limit, market, oco, stop

PERCENT = re.compile(r"([+-])([0-9]{1,4}(?:\.[0-9]{1,2})?)%", re.ASCII)
PLACEMENT = (
    *("client_order_id", "account", "order", "policy", "rules", "tag", "round", "made_at"),
    "max_age_ms",
)
OrderFile = Annotated[
    Path | None,
    Parameter(
        # For the - alone: what else begins with one is no file.
        allow_leading_hyphen=True,
        help="An order as JSON (docs/ORDERS.md); - for standard input.",
    ),
]
Trade = tuple[str, str] | None
Side = Annotated[Trade, Parameter(negative="", help="QUANTITY SYMBOL.")]
Limit = Annotated[
    str | None, Parameter(help="Enter at this price or better; at the market when not given.")
]
TakeProfit = Annotated[
    str | None,
    Parameter(allow_leading_hyphen=True, help="A price, or a distance from the entry such as +3%."),
]
StopLoss = Annotated[
    str | None,
    Parameter(allow_leading_hyphen=True, help="A price, or a distance from the entry such as -1%."),
]
Exits = Annotated[
    bool,
    Parameter(negative="", help="No entry: target and stop for a position that is there already."),
]
OwnId = Annotated[
    str | None, Parameter(help="Your id for it; the same id again does nothing twice.")
]
Account = Annotated[str, Parameter(help="Whose order it is.")]
Tag = Annotated[str | None, Parameter(help="A strategy's name.")]


def place(
    file: OrderFile = None,
    *,
    buy: Side = None,
    sell: Side = None,
    limit: Limit = None,
    take_profit: TakeProfit = None,
    stop_loss: StopLoss = None,
    oco: Exits = False,
    id: OwnId = None,
    account: Account = "main",
    tag: Tag = None,
    profile: ProfileName = None,
    yes: Yes = False,
    json: ServerJson = False,
) -> int:
    """Place an order: from a file, or a bracket or an OCO from the line.

    For example:

        interlock place order.json

        interlock place --buy 0.5 BTCUSDT.PAPER --take-profit +3% --stop-loss -1%

        interlock place --sell 0.5 BTCUSDT.PAPER --limit 31000 --stop-loss 31500 --id short-1

        interlock place --oco --sell 0.5 BTCUSDT.PAPER --take-profit 35000 --stop-loss 28000
    """
    typed = (buy, sell, limit, take_profit, stop_loss, oco or None)
    if file is not None:
        if str(file).startswith("-") and str(file) != "-":
            raise BadInput(f"There is no option {file}. See: interlock place --help")
        if any(one is not None for one in typed):
            raise BadInput("Give an order as a file or as flags, not both.")
        body = read_order(file)
    else:
        body = {"order": order_of(buy, sell, limit, take_profit, stop_loss, oco)}
    more: dict[str, Any] = {"account": account, "tag": tag, **body}
    node = more.pop("order")
    name = id or more.pop("client_order_id", None)
    more.pop("client_order_id", None)
    with trading(profile, yes) as client:
        try:
            placed = client.place(node, name, **more)
        except TypeError as error:
            raise BadInput(f"{file}: {error}. Prices and quantities are text.") from error
    if json:
        print(msgspec.json.encode(placed).decode())
        return 0
    again = "was placed before" if placed.replayed else "placed"
    out().print(f"{again}: {placed.order_id} (client order id {placed.client_order_id})")
    return 0


def read_order(file: Path) -> dict[str, Any]:
    """A whole placement, or a tree alone."""
    try:
        text = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        body = msgspec.json.decode(text)
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} is not JSON: {error}") from error
    if isinstance(body, dict) and "order" in body:
        other = [key for key in body if key not in PLACEMENT]
        if other:
            raise BadInput(f"{file}: there is no field {other[0]!r} beside order. See ORDERS.md.")
        return body
    if isinstance(body, dict) and "type" in body:
        return {"order": body}
    raise BadInput(
        f'{file}: an order is {{"order": {{"type": ...}}}} with client_order_id and account, or '
        f"its tree alone."
    )


def order_of(
    buy: Trade,
    sell: Trade,
    price: str | None,
    take_profit: str | None,
    stop_loss: str | None,
    exits: bool,
) -> dict[str, Any]:
    if (buy is None) == (sell is None):
        raise BadInput(
            "Say what to trade, once: --buy QUANTITY SYMBOL or --sell QUANTITY SYMBOL; or give an "
            "order as a file. See: interlock place --help"
        )
    quantity, symbol = buy or sell or ("", "")
    side = "buy" if buy else "sell"
    trade: Any = {side: quantity, "instrument": symbol}
    if exits:
        if price is not None or take_profit is None or stop_loss is None:
            raise BadInput("--oco takes --take-profit and --stop-loss as prices, and no --limit.")
        for flag, text in (("--take-profit", take_profit), ("--stop-loss", stop_loss)):
            if "%" in text:
                raise BadInput(f"{flag} {text}: with --oco there is no entry; give a price.")
        return oco(
            limit(take_profit, id="take_profit", reduce_only=True, **trade),
            stop(stop_loss, id="stop_loss", reduce_only=True, **trade),
        )
    entry = market(**trade) if price is None else limit(price, **trade)
    if take_profit is None and stop_loss is None:
        return entry
    return bracket(
        entry=entry,
        take_profit=level("--take-profit", take_profit, "+"),
        stop_loss=level("--stop-loss", stop_loss, "-"),
    )


def level(flag: str, text: str | None, sign: str) -> Any:
    """A price as it is; a percentage in basis points from the entry."""
    if text is None or "%" not in text:
        return text
    match = PERCENT.fullmatch(text)
    if match is None or match[1] != sign:
        raise BadInput(
            f"{flag} {text}: write a price, or a distance from the entry as {sign}1% or {sign}0.25%"
            f" ({'in' if sign == '+' else 'against'} the position's favour)."
        )
    bps = int(Decimal(match[2]) * 100)
    return from_entry(bps=bps if sign == "+" else -bps)
