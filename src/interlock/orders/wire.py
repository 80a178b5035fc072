"""Facts on the wire: DESIGN 2.6's JSON, the same in files, streams and exports.

Decides how each fact reads outside. Invariant: the text depends on the facts so far and on nothing
else, byte for byte. Every field of every fact has a form in ``FORMS``; a test says so.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import get_args

import msgspec
from msgspec import Struct

from interlock.orders import documents
from interlock.orders.conditions import PriceSource
from interlock.orders.documents import Document
from interlock.orders.facts import (
    Channel,
    Fact,
    InstrumentDefined,
    LegAdded,
    LegTriggered,
    OrderAccepted,
    OrderForgotten,
    TrailActivated,
    WatermarkMoved,
)
from interlock.orders.grid import Grid
from interlock.orders.ids import client_id
from interlock.orders.instruments import Instrument
from interlock.orders.numbers import decimal_text
from interlock.orders.terms import Change, LegTerms, OrderTerms


class _Leg(Struct, frozen=True, gc=False):
    """What the wire needs of a leg."""

    id: str
    instrument: str
    mid: bool


class _Order(Struct):
    client_order_id: str
    legs: dict[int, _Leg]
    relations: tuple[str, ...]


class FactWire:
    """Turns facts into documents, learning names and increments from the facts it is shown.

    It is shown every fact from the first on, or told of what came before through ``define``,
    ``accept`` and ``add_leg``. For an order it does not know (any more) legs are numbers and prices
    and quantities are whole increments, as JSON integers.
    """

    def __init__(self) -> None:
        self.grids: dict[str, Grid] = {}
        self._orders: dict[str, _Order] = {}

    def define(self, instrument: Instrument) -> None:
        self.grids[instrument.symbol] = Grid(instrument)

    def accept(self, terms: OrderTerms) -> None:
        names = (documents.relation_name(n, r) for n, r in enumerate(terms.relations))
        legs = {number: _leg(leg) for number, leg in enumerate(terms.legs)}
        self._orders[terms.id] = _Order(terms.client_order_id, legs, tuple(names))

    def add_leg(self, order_id: str, leg: int, terms: LegTerms) -> None:
        order = self._orders.get(order_id)
        if order is not None:
            order.legs[leg] = _leg(terms)

    def learn(self, fact: Fact) -> None:
        """Take note of a fact without turning it into text."""
        match fact:
            case InstrumentDefined():
                self.define(fact.instrument)
            case OrderAccepted():
                self.accept(fact.terms)
            case LegAdded():
                self.add_leg(fact.order_id, fact.leg, fact.terms)
            case OrderForgotten():
                self._orders.pop(fact.order_id, None)

    def document(self, seq: int, fact: Fact) -> Document:
        """The fact as a JSON-ready dict, keys in their documented order."""
        if not isinstance(fact, OrderForgotten):
            self.learn(fact)
        scope = self._scope(fact)
        document: Document = {"event_seq": seq, "at": fact.at, "type": type(fact).__name__}
        if scope.order_id:
            document["order_id"] = scope.order_id
        if scope.order is not None:
            document["client_order_id"] = scope.order.client_order_id
        for field, form in PLANS[type(fact)]:
            form(scope, field, getattr(fact, field), document)
        if isinstance(fact, OrderForgotten):
            self.learn(fact)
        return document

    def encode(self, seq: int, fact: Fact) -> bytes:
        """The fact as one line of JSON, without the newline."""
        return _ENCODER.encode(self.document(seq, fact))

    def _scope(self, fact: Fact) -> "_Scope":
        order_id = getattr(fact, "order_id", "")
        order = self._orders.get(order_id)
        number = getattr(fact, "leg", -1)
        leg = None if order is None else order.legs.get(max(number, 0))
        symbol = getattr(fact, "instrument", "") if leg is None else leg.instrument
        grid = self.grids.get(symbol) if isinstance(symbol, str) else None
        return _Scope(order_id, order, number, leg, grid, _halves(fact, leg), self.grids)


class _Scope(Struct):
    """What the fields of one fact are read in the light of."""

    order_id: str
    order: _Order | None
    number: int
    leg: _Leg | None
    grid: Grid | None
    halves: bool
    grids: dict[str, Grid]

    def leg_name(self, number: int) -> str | int:
        leg = None if self.order is None else self.order.legs.get(number)
        return number if leg is None else leg.id


def _leg(terms: LegTerms) -> _Leg:
    return _Leg(terms.id, terms.instrument, terms.trigger_by is PriceSource.MID)


def _halves(fact: Fact, leg: _Leg | None) -> bool:
    """Whether a fact's prices are a mid's, which come in half increments."""
    match fact:
        case LegTriggered():
            return fact.source == PriceSource.MID.value
        case WatermarkMoved():
            return fact.channel is Channel.MID
        case TrailActivated():
            return leg is not None and leg.mid
    return False


Form = Callable[[_Scope, str, object, Document], None]


def _plain(_: _Scope, field: str, value: object, into: Document) -> None:
    if value is not None and value != "":
        into[field] = value.value if isinstance(value, StrEnum) else value


def _price(scope: _Scope, field: str, value: object, into: Document) -> None:
    if value is not None:
        assert isinstance(value, int), field
        into[field] = documents.price_text(value, scope.grid, scope.halves)


def _watermark(scope: _Scope, field: str, value: object, into: Document) -> None:
    """Kept as the market showed it, unlike the leg's own levels."""
    if value is not None:
        assert isinstance(value, int), field
        halves = scope.leg is not None and scope.leg.mid
        into[field] = documents.price_text(value, scope.grid, halves)


def _quantity(scope: _Scope, field: str, value: object, into: Document) -> None:
    assert isinstance(value, int), field
    into[field] = documents.quantity_text(value, scope.grid)


def _money(scope: _Scope, field: str, value: object, into: Document) -> None:
    assert isinstance(value, int), field
    into[field] = documents.money_text(value, scope.grid)


def _hundred_millionths(_: _Scope, field: str, value: object, into: Document) -> None:
    assert isinstance(value, int), field
    into[field] = decimal_text(value, 8)


def _side(_: _Scope, field: str, value: object, into: Document) -> None:
    assert isinstance(value, int), field
    into[field] = documents.side_text(value)


def _leg_name(scope: _Scope, field: str, value: object, into: Document) -> None:
    assert isinstance(value, int), field
    if value >= 0:
        into[field] = scope.leg_name(value)


def _attempt(scope: _Scope, _: str, value: object, into: Document) -> None:
    assert isinstance(value, int)
    into["venue_order_id"] = client_id(scope.order_id, scope.number, value)
    if scope.leg is not None:
        into["instrument"] = scope.leg.instrument


def _relation(scope: _Scope, field: str, value: object, into: Document) -> None:
    assert isinstance(value, int), field
    into[field] = value if scope.order is None else scope.order.relations[value]


def _builtins(_: _Scope, field: str, value: object, into: Document) -> None:
    if value is not None:
        into[field] = msgspec.to_builtins(value)


def _instrument(scope: _Scope, field: str, value: object, into: Document) -> None:
    (_builtins if isinstance(value, Instrument) else _plain)(scope, field, value, into)


def _terms(scope: _Scope, field: str, value: object, into: Document) -> None:
    if isinstance(value, OrderTerms):
        into.update(documents.order_document(value, scope.grids))
    else:
        assert isinstance(value, LegTerms), field
        into[field] = documents.leg_document(value, scope.grids, scope.leg_name)


def _armed(scope: _Scope, field: str, value: object, into: Document) -> None:
    """Each leg's level and watermark, when all wait here from the first moment."""
    assert isinstance(value, tuple), field
    if not value or scope.order is None:
        return
    out: Document = {}
    for number, one in enumerate(value):
        leg = scope.order.legs[number]
        inner = _Scope(scope.order_id, scope.order, number, leg, None, False, scope.grids)
        inner.grid = scope.grids.get(leg.instrument)
        entry: Document = {}
        _price(inner, "trigger_price", one.trigger_price, entry)
        _watermark(inner, "watermark", one.watermark, entry)
        out[leg.id] = entry
    into[field] = out


def _changes(scope: _Scope, field: str, value: object, into: Document) -> None:
    assert isinstance(value, tuple), field
    changes: Document = {}
    for change in value:
        assert isinstance(change, Change), field
        document = documents.leg_document(change.terms, scope.grids, scope.leg_name)
        changes[str(scope.leg_name(change.leg))] = document
    into[field] = changes


def _skipped(_: _Scope, __: str, ___: object, ____: Document) -> None:
    """Written at the head of every document."""


def _if_so(_: _Scope, field: str, value: object, into: Document) -> None:
    """Said only where it is."""
    if value:
        into[field] = value


FORMS: dict[str, Form] = {
    **dict.fromkeys(("at", "order_id"), _skipped),
    **dict.fromkeys(("price", "trigger_price"), _price),
    **dict.fromkeys(("quantity", "cum_quantity"), _quantity),
    **dict.fromkeys(("accepted", "capabilities", "reject", "refused"), _builtins),
    **dict.fromkeys(("block", "countdown", "hours", "limits", "rules", "scope"), _builtins),
    **dict.fromkeys(("fills_told", "pending"), _if_so),
    **dict.fromkeys(("equity", "free_margin"), _hundred_millionths),
    "watermark": _watermark,
    "fee": _money,
    "side": _side,
    "leg": _leg_name,
    "attempt": _attempt,
    "oco": _relation,
    "instrument": _instrument,
    "terms": _terms,
    "armed": _armed,
    "changes": _changes,
    **dict.fromkeys(
        (
            *(
                "account",
                "atoms",
                "by",
                "calendar",
                "caller",
                "channel",
                "client_id",
                "client_order_id",
            ),
            *("code", "digest", "key"),
            *(
                "command",
                "confirmed",
                "detail",
                "doubted",
                "epoch",
                "exec_id",
                "expire_at",
                "exposure",
                "fills_told",
            ),
            *("holds", "kind", "late", "list_id", "name", "not_before", "order_type"),
            *("position_side", "reason", "reduce_only", "report", "request", "rule", "setting"),
            *("source", "status", "time_in_force", "valid_until", "value", "venue", "venue_id"),
            *(
                "cause",
                "count",
                "figure",
                "limit",
                "low",
                "strategy",
                "symbol",
                "thawed",
                "token",
                "until",
                "valid_from",
                "version",
                "what",
                "why",
            ),
        ),
        _plain,
    ),
}
"""How a field reads, by its name: one name means one thing in every fact."""

PLANS: dict[type, tuple[tuple[str, Form], ...]] = {
    kind: tuple(
        (field, FORMS.get(field, _plain))
        for field in kind.__struct_fields__
        if FORMS.get(field) is not _skipped
    )
    for kind in get_args(Fact)
}
_ENCODER = msgspec.json.Encoder()
