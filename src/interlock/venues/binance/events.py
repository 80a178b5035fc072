"""Events of the user stream as reports (VENUES 2.3, 2.6).

Decides what an event proves. Invariant: a fill is told once by its trade id, whichever event or
answer brings it; an order that is not ours is never reported, only that a position may have moved.
"""

from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from interlock.orders.grid import Grid
from interlock.orders.legs import PositionSide
from interlock.orders.numbers import NumberProblem
from interlock.orders.reports import (
    Acknowledged,
    Amended,
    Canceled,
    CancelReason,
    Execution,
    Expired,
    Filled,
    Position,
    Rejected,
    Report,
    VenueReject,
)

NOTHING_LEFT_TO_REDUCE: Final = "4"
"""``er``: knocked out by another reduce-only order, or by a position that turned."""
REDUCE_ONLY_REJECT: Final = "Reduce Only reject"
OCO_TRIGGER: Final = "OCO_TRIGGER"
"""Spot's ``eR``: the other leg of the pair traded or triggered."""
FOR_ITS_LIST: Final = (OCO_TRIGGER, "OTO_PHASE_ONE_EXPIRED")
"""That, or the entry that released it is over."""
UNFILLED: Final = ("UNFILLED_", "INSUFFICIENT_LIQUIDITY")
IMMEDIATE: Final = ("IOC", "FOK")


def units(grid: Grid, text: Any, what: str = "quantity") -> int:
    """Decimal text of the exchange in increments; its numbers are on its own grid."""
    normal = format(Decimal(str(text)).normalize(), "f")
    found = grid.quantity_units(normal) if what == "quantity" else grid.price_units(normal)
    if isinstance(found, NumberProblem):
        raise ValueError(f"{grid.symbol}: {what} {text} is not on the increments: {found.detail}")
    return found


def rounded(grid: Grid, text: Any) -> int:
    """A price that need not be on the increments, such as a mark, to the nearest."""
    return round(Decimal(str(text)) / Decimal(grid.price.mantissa).scaleb(-grid.price.places))


def price(grid: Grid, text: Any) -> int:
    return units(grid, text, "price")


def money(grid: Grid, text: Any) -> int:
    """In money units, rounded away from the trader's favour."""
    amount = Decimal(str(text)) / (Decimal(grid.money.mantissa).scaleb(-grid.money.places))
    whole = int(amount)
    return whole + (amount > whole)


def execution(grid: Grid, quote: str, fill: dict[str, Any]) -> Execution:
    """One trade; ``fill`` has the names of a trade as REST shows it.

    A fee taken from what was bought is in quantity; one in a third asset is not counted, it has no
    place in either.
    """
    paid = fill["commissionAsset"] == quote
    base = fill["symbol"].removesuffix(quote)
    taken = bool(fill.get("isBuyer")) and fill["commissionAsset"] == base
    return Execution(
        f"{fill['symbol']}-{fill['id']}",
        units(grid, fill["qty"]),
        price(grid, fill["price"]),
        money(grid, fill["commission"]) if paid else 0,
        bool(fill.get("isMaker", fill.get("maker"))),
        lots(grid, fill["commission"]) if taken else 0,
    )


def lots(grid: Grid, text: Any) -> int:
    """A quantity that need not be on the increments, in whole ones, rounded up."""
    size = Decimal(grid.quantity.mantissa).scaleb(-grid.quantity.places)
    return int((Decimal(str(text)) / size).to_integral_value(ROUND_CEILING))


def of_execution(
    client_id: str,
    o: dict[str, Any],
    grid: Grid,
    quote: str,
    at: int,
    asked: bool,
    ending: bool,
) -> list[Report]:
    """What spot's ``executionReport`` of one of our orders says (VENUES 1.4 to 1.6).

    ``asked``: we want it canceled; ``ending``: we cancel the other order of its list.
    """
    kind, filled = o["x"], units(grid, o["z"])
    match kind:
        case "NEW":
            return [Acknowledged(at, client_id, str(o["i"]))]
        case "TRADE":
            fill = {
                "symbol": o["s"],
                "id": o["t"],
                "qty": o["l"],
                "price": o["L"],
                "commission": o.get("n") or "0",
                "commissionAsset": o.get("N") or quote,
                "isBuyer": o["S"] == "BUY",
                "isMaker": o["m"],
            }
            return [Filled(at, client_id, execution(grid, quote, fill))]
        case "CANCELED":
            reason = CancelReason.OCO if ending else CancelReason.OUTSIDE
            reason = CancelReason.REQUESTED if asked else reason
            return [Canceled(at, client_id, filled, reason)]
        case "REPLACED":
            worth = price(grid, o["p"])
            return [Amended(at, client_id, units(grid, o["q"]), worth or None)]
        case "EXPIRED" | "TRADE_PREVENTION":
            return [_expired(client_id, o, filled, at)]
    return []


def _expired(client_id: str, o: dict[str, Any], filled: int, at: int) -> Report:
    why = str(o.get("eR", ""))
    if why in FOR_ITS_LIST:
        return Canceled(at, client_id, filled, CancelReason.OCO)
    if why.startswith(UNFILLED) or o["f"] in IMMEDIATE or o["o"] == "MARKET":
        return Canceled(at, client_id, filled, CancelReason.IMMEDIATE)
    return Expired(at, client_id, filled)


def of_order(
    client_id: str, o: dict[str, Any], grid: Grid, quote: str, at: int, asked: bool
) -> list[Report]:
    """What an ``ORDER_TRADE_UPDATE`` of one of our orders says. ``asked``: we want it canceled."""
    kind, filled = o["x"], units(grid, o["z"])
    if kind == "NEW":
        return [Acknowledged(at, client_id, str(o["i"]))]
    if kind in ("TRADE", "CALCULATED"):
        fill = {
            "symbol": o["s"],
            "id": o["t"],
            "qty": o["l"],
            "price": o["L"],
            "commission": o.get("n") or "0",
            "commissionAsset": o.get("N") or quote,
            "maker": o["m"],
        }
        return [Filled(at, client_id, execution(grid, quote, fill))]
    if kind == "CANCELED":
        reason = CancelReason.REQUESTED if asked else CancelReason.OUTSIDE
        return [Canceled(at, client_id, filled, reason)]
    if kind == "AMENDMENT":
        worth = price(grid, o["p"])
        return [Amended(at, client_id, units(grid, o["q"]), worth or None)]
    if kind == "EXPIRED":
        if o.get("er") == NOTHING_LEFT_TO_REDUCE:
            return [Canceled(at, client_id, filled, CancelReason.REDUCE_ONLY)]
        if o["f"] in IMMEDIATE or o["o"] == "MARKET":
            return [Canceled(at, client_id, filled, CancelReason.IMMEDIATE)]
        return [Expired(at, client_id, filled)]
    return []


def of_algo(client_id: str, o: dict[str, Any], at: int, asked: bool) -> list[Report]:
    """What an ``ALGO_UPDATE`` of one of our orders says, as long as it has not become an order."""
    match o["X"]:
        case "NEW":
            return [Acknowledged(at, client_id, str(o["aid"]))]
        case "TRIGGERED" if o.get("ai"):
            return [Acknowledged(at, client_id, str(o["ai"]))]
        case "CANCELED":
            reason = CancelReason.REQUESTED if asked else CancelReason.OUTSIDE
            return [Canceled(at, client_id, 0, reason)]
        case "EXPIRED":
            return [Expired(at, client_id, 0)]
        case "REJECTED":
            why = str(o.get("rm", ""))
            code = VenueReject.INSUFFICIENT_MARGIN
            if why.lower() == REDUCE_ONLY_REJECT.lower():
                code = VenueReject.REDUCE_ONLY
            return [Rejected(at, client_id, code, f"refused when it triggered: {why}")]
    return []


def of_positions(
    account: str,
    name: str,
    grids: dict[str, Grid],
    found: list[dict[str, Any]],
    at: int,
    as_of: int,
) -> list[Report]:
    """Positions as ``positionRisk`` has them, of the instruments that we trade."""
    reports: list[Report] = []
    for one in found:
        grid = grids.get(one["symbol"])
        if grid is None:
            continue
        side = one["positionSide"]
        hedge = None if side == "BOTH" else PositionSide(side.lower())
        quantity = signed(grid, one["positionAmt"])
        reports.append(Position(at, account, f"{one['symbol']}.{name}", quantity, as_of, hedge))
    return reports


def signed(grid: Grid, text: str) -> int:
    return -units(grid, text[1:]) if text.startswith("-") else units(grid, text)
