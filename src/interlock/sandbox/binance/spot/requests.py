"""Parameters of Spot's requests as orders (VENUES 1.2, 1.3).

Decides what may be asked for. Invariant: prices and quantities are on the instrument's filters
before anything is done, and a leg is named by the prefix its parameters have.
"""

from decimal import Decimal

from interlock.orders.grid import Grid
from interlock.orders.numbers import NumberProblem
from interlock.sandbox.binance.spot.checks import check_relation
from interlock.sandbox.binance.spot.exchange import TIMES, Spot
from interlock.sandbox.binance.spot.orders import CONDITIONAL, PRICED, STOPS, TARGETS, TYPES, Asked
from interlock.sandbox.binance.wire import Params, WireError, illegal, mandatory
from interlock.venues.paper.book import Market

SIDES = {"BUY": 1, "SELL": -1}
CLIENT_ID_MAX = 36
PLACES_MAX = 8
NOT_MODELLED = {"trailingDelta": "TRAILING_DELTA", "icebergQty": "ICEBERG_PARTS"}


class Requests:
    """Reads parameters; names what came without a name."""

    def __init__(self, spot: Spot) -> None:
        self._spot = spot
        self._named = 0

    def client_id(self, params: Params, name: str) -> str:
        given = params.maybe(name)
        if given is None:
            self._named += 1
            return f"sandbox-{self._named}"
        plain = given.isascii() and all(c.isalnum() or c in "-_" for c in given)
        if len(given) > CLIENT_ID_MAX or not plain:
            raise illegal(name)
        return given

    def single(self, params: Params) -> Asked:
        kind = params.choice("type", TYPES)
        return self._leg(params, "", kind, params.text("side"), "newClientOrderId")

    def oco(self, params: Params) -> tuple[Asked, Asked]:
        """The leg that stops comes first, as it does in the exchange's answers."""
        above = params.choice("aboveType", ("LIMIT_MAKER", *CONDITIONAL))
        below = params.choice("belowType", ("LIMIT_MAKER", *CONDITIONAL))
        side = params.text("side")
        legs = (
            self._leg(params, "above", above, side, "aboveClientOrderId"),
            self._leg(params, "below", below, side, "belowClientOrderId"),
        )
        return self._pair(legs, released=False)

    def working(self, params: Params) -> Asked:
        kind = params.choice("workingType", ("LIMIT", "LIMIT_MAKER"))
        side = params.text("workingSide")
        return self._leg(params, "working", kind, side, "workingClientOrderId")

    def pending(self, params: Params) -> Asked:
        kind = params.choice("pendingType", TYPES)
        side = params.text("pendingSide")
        return self._leg(params, "pending", kind, side, "pendingClientOrderId")

    def pending_pair(self, params: Params) -> tuple[Asked, Asked]:
        side = params.text("pendingSide")
        kinds = ("LIMIT_MAKER", *CONDITIONAL)
        legs = []
        for name in ("pendingAbove", "pendingBelow"):
            kind = params.choice(f"{name}Type", kinds)
            legs.append(self._leg(params, name, kind, side, f"{name}ClientOrderId"))
        return self._pair((legs[0], legs[1]), released=True)

    def _pair(self, legs: tuple[Asked, Asked], released: bool) -> tuple[Asked, Asked]:
        """One that stops and one that takes profit, each on its side of the last price."""
        above, below = legs
        stops = [leg.kind in STOPS for leg in legs]
        if sum(stops) != 1:
            raise WireError(-1158, "The combination of order types is not supported for an OCO.")
        if stops[0] is not (above.side > 0):
            raise WireError(-1165, "A leg of the OCO is on the wrong side of the other.")
        prices = [leg.price if leg.kind == "LIMIT_MAKER" else leg.stop_price for leg in legs]
        assert prices[0] is not None and prices[1] is not None
        last = self._spot.market(above.symbol).last
        if not released:
            check_relation(prices[0], prices[1], last)
        return legs if stops[0] else (below, above)

    def _leg(self, params: Params, prefix: str, kind: str, side: str, id_name: str) -> Asked:
        def name(what: str) -> str:
            return prefix + what[0].upper() + what[1:] if prefix else what

        for what, filter_name in NOT_MODELLED.items():
            if name(what) in params:
                raise WireError(-1013, f"Filter failure: {filter_name}")
        if side not in SIDES:
            raise WireError(-1117, "Invalid side.")
        symbol = params.text("symbol")
        market = self._spot.market(symbol)
        quantity, quote = self._quantity(params, prefix, kind, SIDES[side], market)
        price = units(params, name("price"), market.grid, "price")
        if kind in PRICED and price is None:
            raise mandatory(name("price"))
        stop = units(params, name("stopPrice"), market.grid, "price")
        if kind in CONDITIONAL and stop is None:
            raise mandatory(name("stopPrice"))
        if stop is not None and kind not in CONDITIONAL:
            raise WireError(-1106, f"Parameter '{name('stopPrice')}' sent when not required.")
        timed = kind == "LIMIT" or (kind in (*STOPS, *TARGETS) and kind in PRICED)
        if timed and name("timeInForce") not in params:
            raise mandatory(name("timeInForce"))
        if not timed and name("timeInForce") in params:
            raise WireError(-1106, f"Parameter '{name('timeInForce')}' sent when not required.")
        return Asked(
            symbol,
            self.client_id(params, id_name),
            SIDES[side],
            kind,
            quantity,
            price if kind in PRICED else None,
            stop,
            params.choice(name("timeInForce"), TIMES, "GTC"),
            quote,
        )

    def _quantity(
        self, params: Params, prefix: str, kind: str, side: int, market: Market
    ) -> tuple[int, str]:
        """In increments; a market order may give what it is worth instead."""
        place = {"working": "workingQuantity", "above": "quantity", "below": "quantity"}
        name = place.get(prefix, "pendingQuantity" if prefix else "quantity")
        quote = params.decimal("quoteOrderQty") if kind == "MARKET" and not prefix else None
        if quote is None:
            quantity = units(params, name, market.grid, "quantity")
            if quantity is None:
                raise mandatory(name)
            return quantity, "0"
        price = market.opposite(side).levels
        if not price:
            raise WireError(-2010, "There is no price to take.")
        worth = Decimal(market.grid.money_text(price[0][0]))
        return int(quote / worth), format(quote, "f")


def units(params: Params, name: str, grid: Grid, what: str) -> int | None:
    """In increments. Raises the filter's name for what is off them."""
    number = params.decimal(name)
    if number is None:
        return None
    if -int(number.normalize().as_tuple().exponent) > PLACES_MAX:
        raise WireError(-1111, f"Parameter '{name}' has too much precision.")
    text = format(number, "f")
    found = grid.price_units(text) if what == "price" else grid.quantity_units(text)
    if isinstance(found, NumberProblem):
        failed = "PRICE_FILTER" if what == "price" else "LOT_SIZE"
        raise WireError(-1013, f"Filter failure: {failed}")
    return found
