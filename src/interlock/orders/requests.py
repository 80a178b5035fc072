"""Requests: what a venue is asked to do. They leave only after what decided them is durable.

``client_id`` derives from (order, leg, attempt), so sending the same request twice can't double.
``request`` numbers the questions asked about one leg; answers name the question they answer.
"""

from enum import StrEnum

from msgspec import Struct

from interlock.orders.conditions import PriceSource
from interlock.orders.legs import PositionSide, TimeInForce


class VenueOrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


class SubmitVenueOrder(Struct, frozen=True, omit_defaults=True, tag="submit", gc=False):
    client_id: str
    account: str
    instrument: str
    side: int
    """+1 buy, -1 sell."""
    order_type: VenueOrderType
    quantity: int
    valid_until: int
    """The venue refuses the request if it arrives later, ns UTC."""
    price: int | None = None
    trigger_price: int | None = None
    trigger_by: PriceSource = PriceSource.LAST
    time_in_force: TimeInForce = TimeInForce.GTC
    expire_at: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    position_side: PositionSide | None = None
    display_quantity: int | None = None
    protective: bool = False
    """Exits go before entries when a request budget is short."""


class SubmitVenueList(Struct, frozen=True, omit_defaults=True, tag="submit_list"):
    """Orders as one list of the venue's own: accepted or refused together.

    Two of which one cancels the other; with ``releases`` an entry, and the one or two exits that
    wait at the venue for its complete fill.
    """

    list_id: str
    orders: tuple[SubmitVenueOrder, ...]
    releases: bool = False


class AmendVenueOrder(Struct, frozen=True, omit_defaults=True, tag="amend", gc=False):
    client_id: str
    account: str
    instrument: str
    request: int
    quantity: int
    """The new total quantity, filled part included."""
    price: int | None = None
    trigger_price: int | None = None
    valid_until: int = 0


class CancelVenueOrder(Struct, frozen=True, tag="cancel", gc=False):
    client_id: str
    account: str
    instrument: str
    request: int


class QueryVenueOrder(Struct, frozen=True, tag="query", gc=False):
    """What became of this order? Answered by ``reports.OrderStatus``."""

    client_id: str
    account: str
    instrument: str
    request: int


class QueryOpenOrders(Struct, frozen=True, tag="query_open", gc=False):
    """Every open order of every account here. Answered by ``reports.OpenOrders``."""

    venue: str


class QueryFills(Struct, frozen=True, tag="query_fills", gc=False):
    """Every fill of ours since ``since`` (ns UTC). Answered by ``reports.Filled``, one each, and by
    ``reports.FillsTold`` after the last.
    """

    venue: str
    since: int


class QueryPosition(Struct, frozen=True, tag="query_position", gc=False):
    account: str
    instrument: str


class QueryBalances(Struct, frozen=True, tag="query_balances", gc=False):
    """What an account has at a venue. Answered by ``reports.BalancesTold``."""

    venue: str
    account: str


Request = (
    SubmitVenueOrder
    | SubmitVenueList
    | AmendVenueOrder
    | CancelVenueOrder
    | QueryVenueOrder
    | QueryOpenOrders
    | QueryFills
    | QueryPosition
    | QueryBalances
)
