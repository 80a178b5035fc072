"""Instruments as the exchange lists them, with the filters that are rules of ours (VENUES 1.8).

Decides what of a listing becomes an ``Instrument``. Invariant: steps and minimums are the
exchange's own text; nothing is computed from them.
"""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from interlock.orders.instruments import Instrument, PositionMode, PriceBand


class Listed(Struct, frozen=True):
    symbol: str
    quote: str
    instrument: Instrument


def instruments(
    info: dict[str, Any], wanted: tuple[str, ...], venue: str, hedge: bool
) -> list[Listed]:
    """Those of the wanted symbols that are listed."""
    return [
        Listed(one["symbol"], one["quoteAsset"], instrument(one, venue, hedge))
        for one in info["symbols"]
        if one["symbol"] in wanted
    ]


def instrument(listed: dict[str, Any], venue: str, hedge: bool) -> Instrument:
    filters = {one["filterType"]: one for one in listed["filters"]}
    lot = filters["LOT_SIZE"]
    band = filters.get("PERCENT_PRICE") or by_side(filters.get("PERCENT_PRICE_BY_SIDE"))
    return Instrument(
        f"{listed['symbol']}.{venue}",
        plain(filters["PRICE_FILTER"]["tickSize"]),
        plain(lot["stepSize"]),
        min_quantity=plain(lot["minQty"]),
        max_quantity=plain(lot["maxQty"]),
        min_notional=plain(min_notional(filters)),
        price_band=None if band is None else price_band(band),
        position_mode=PositionMode.HEDGE if hedge else PositionMode.ONE_WAY,
    )


def min_notional(filters: dict[str, dict[str, Any]]) -> str:
    """Spot and USD-M name it differently."""
    if "NOTIONAL" in filters:
        return str(filters["NOTIONAL"]["minNotional"])
    found = filters.get("MIN_NOTIONAL", {})
    return str(found.get("notional", found.get("minNotional", "0")))


def by_side(band: dict[str, Any] | None) -> dict[str, Any] | None:
    """Spot's band, which may be another for bids than for asks: the wider of the two, so that
    nothing is refused here that would be taken there.
    """
    if band is None:
        return None
    up = max(Decimal(band[f"{side}MultiplierUp"]) for side in ("bid", "ask"))
    down = min(Decimal(band[f"{side}MultiplierDown"]) for side in ("bid", "ask"))
    return {"multiplierUp": up, "multiplierDown": down}


def price_band(band: dict[str, Any]) -> PriceBand:
    """The multipliers apply to the mark price, on Spot to an average of minutes; ours to the last:
    the nearer whole basis point.
    """
    up, down = Decimal(band["multiplierUp"]), Decimal(band["multiplierDown"])
    return PriceBand(int((1 - down) * 10_000), int((up - 1) * 10_000))


def plain(text: str) -> str:
    """Without zeros at the end: they say nothing of a step."""
    return format(Decimal(text).normalize(), "f")
