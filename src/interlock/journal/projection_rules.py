"""How a fact changes the projection's rows.

Decides the statuses people read in tables, by simple rules over facts; the engine never reads them.
Invariant: rows depend on the facts so far and on nothing else, so a rebuild gives the same rows.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from interlock.orders import facts
from interlock.orders.documents import Document, leg_document
from interlock.orders.facts import Fact
from interlock.orders.terms import LegTerms
from interlock.orders.wire import FactWire

FORMAT = 4
"""Raised when tables or rules change; a projection of another format is rebuilt on opening."""

TABLES = """
CREATE TABLE meta (format INTEGER NOT NULL, n INTEGER NOT NULL, hash BLOB NOT NULL,
    next_seq INTEGER NOT NULL);
CREATE TABLE instruments (symbol TEXT PRIMARY KEY, definition BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE orders (order_id TEXT PRIMARY KEY, client_order_id TEXT NOT NULL,
    account TEXT NOT NULL, tag TEXT NOT NULL, instrument TEXT NOT NULL, status TEXT NOT NULL,
    version INTEGER NOT NULL, accepted_at INTEGER NOT NULL, accepted_seq INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, done_at INTEGER, reason TEXT NOT NULL, document TEXT NOT NULL,
    terms BLOB) WITHOUT ROWID;
CREATE INDEX orders_by_client ON orders (account, client_order_id);
CREATE INDEX orders_by_status ON orders (status);
CREATE TABLE legs (order_id TEXT NOT NULL, number INTEGER NOT NULL, leg TEXT NOT NULL,
    type TEXT NOT NULL, instrument TEXT NOT NULL, side TEXT NOT NULL, quantity TEXT NOT NULL,
    cum_quantity TEXT NOT NULL, status TEXT NOT NULL, price TEXT, trigger_price TEXT,
    system TEXT NOT NULL, reason TEXT NOT NULL, updated_at INTEGER NOT NULL,
    document TEXT NOT NULL, terms BLOB, PRIMARY KEY (order_id, number)) WITHOUT ROWID;
CREATE TABLE venue_orders (venue_order_id TEXT PRIMARY KEY, order_id TEXT NOT NULL,
    leg TEXT NOT NULL, instrument TEXT NOT NULL, side TEXT NOT NULL, order_type TEXT NOT NULL,
    quantity TEXT NOT NULL, cum_quantity TEXT NOT NULL, price TEXT, trigger_price TEXT,
    status TEXT NOT NULL, venue_id TEXT NOT NULL, reason TEXT NOT NULL, sent_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, whole_units INTEGER NOT NULL,
    cum_units INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX venue_orders_by_order ON venue_orders (order_id);
CREATE TABLE fills (event_seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, order_id TEXT NOT NULL,
    leg TEXT NOT NULL, venue_order_id TEXT NOT NULL, exec_id TEXT NOT NULL,
    instrument TEXT NOT NULL, side TEXT NOT NULL, quantity TEXT NOT NULL, price TEXT NOT NULL,
    fee TEXT NOT NULL, confirmed INTEGER NOT NULL, late INTEGER NOT NULL);
CREATE INDEX fills_by_order ON fills (order_id);
CREATE INDEX fills_by_execution ON fills (venue_order_id, exec_id);
CREATE TABLE incidents (event_seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL, leg TEXT,
    kind TEXT NOT NULL, detail TEXT NOT NULL, setting TEXT NOT NULL, quantity TEXT NOT NULL,
    opened_at INTEGER NOT NULL, closed_at INTEGER, outcome TEXT NOT NULL);
CREATE INDEX incidents_by_order ON incidents (order_id);
CREATE INDEX incidents_open ON incidents (closed_at) WHERE closed_at IS NULL;
"""

LEG_ENDS = "('filled', 'canceled', 'rejected', 'expired')"
VENUE_ENDS = "('filled', 'canceled', 'rejected', 'expired', 'not_found')"
ORDER_LIVES = ("working", "canceling")

LEG_STATUS: dict[type, str] = {
    facts.LegArmed: "armed",
    facts.LegDisarmed: "held",
    facts.LegTriggered: "triggered",
    facts.LegClaimed: "claimed",
    facts.ClaimReleased: "held",
    facts.LegRetrying: "retrying",
    facts.LegCanceling: "canceling",
    facts.VenueOrderSending: "sending",
    facts.VenueOrderAcknowledged: "working",
    facts.VenueOrderCanceled: "held",
    facts.VenueOrderExpired: "held",
    facts.VenueOrderRejected: "held",
}
VENUE_ORDER_STATUS: dict[type, str] = {
    facts.VenueOrderAcknowledged: "working",
    facts.VenueOrderCanceling: "canceling",
    facts.VenueOrderCanceled: "canceled",
    facts.VenueOrderExpired: "expired",
    facts.VenueOrderRejected: "rejected",
    facts.VenueOrderUnknown: "unknown",
}

Database = sqlite3.Connection
_TERMS = msgspec.msgpack.Encoder()
_JSON = msgspec.json.Encoder()


def write(db: Database, wire: FactWire, seq: int, fact: Fact) -> None:
    """Change the rows that ``fact`` is about."""
    rule = _RULES.get(type(fact))
    status = LEG_STATUS.get(type(fact))
    venue_status = VENUE_ORDER_STATUS.get(type(fact))
    if rule is None and status is None and venue_status is None:
        wire.learn(fact)
        return
    document = wire.document(seq, fact)
    if rule is not None:
        rule(db, wire, fact, document)
    if status is not None:
        _leg_status(db, fact, document, status)
    if venue_status is not None:
        _venue_order_status(db, document, venue_status)


def _instrument_defined(
    db: Database, _: FactWire, fact: facts.InstrumentDefined, __: Document
) -> None:
    row = (fact.instrument.symbol, _TERMS.encode(fact.instrument))
    db.execute("INSERT OR REPLACE INTO instruments VALUES (?, ?)", row)


def _order_accepted(db: Database, wire: FactWire, fact: facts.OrderAccepted, doc: Document) -> None:
    terms = fact.terms
    seq = doc["event_seq"]
    assert isinstance(seq, int)
    row = (
        *(terms.id, terms.client_order_id, terms.account, terms.tag, terms.legs[0].instrument),
        *("working", 1, fact.at, seq, fact.at, None, ""),
        *(_JSON.encode(doc["order"]).decode(), _TERMS.encode(terms)),
    )
    db.execute(f"INSERT INTO orders VALUES ({_places(14)})", row)
    for number, leg in enumerate(terms.legs):
        _insert_leg(db, wire, terms.id, number, leg, fact.at)
    for armed in facts.armed_at_once(fact):
        write(db, wire, seq, armed)


def _leg_added(db: Database, wire: FactWire, fact: facts.LegAdded, _: Document) -> None:
    _insert_leg(db, wire, fact.order_id, fact.leg, fact.terms, fact.at, _TERMS.encode(fact.terms))
    _revived(db, fact)


def _revived(db: Database, fact: Any) -> None:
    """An order that was done lives again: something of it has changed after the fact."""
    db.execute(
        "UPDATE orders SET status='working', done_at=NULL, updated_at=? "
        "WHERE order_id=? AND done_at IS NOT NULL",
        (fact.at, fact.order_id),
    )


def _insert_leg(
    db: Database,
    wire: FactWire,
    order_id: str,
    number: int,
    leg: LegTerms,
    at: int,
    terms: bytes | None = None,
) -> None:
    document = leg_document(leg, wire.grids, lambda other: other)
    row = (
        *(order_id, number, leg.id, leg.type.value, leg.instrument, document["side"]),
        *(document["quantity"], "0", "held", _text(document, "price")),
        *(_text(document, "trigger_price"), leg.system, "", at),
        *(_JSON.encode(document).decode(), terms),
    )
    db.execute(f"INSERT INTO legs VALUES ({_places(16)})", row)


def _order_amended(db: Database, wire: FactWire, fact: facts.OrderAmended, _: Document) -> None:
    db.execute(
        "UPDATE orders SET version=?, updated_at=? WHERE order_id=?",
        (fact.version, fact.at, fact.order_id),
    )
    for change in fact.changes:
        document = leg_document(change.terms, wire.grids, lambda other: other)
        db.execute(
            "UPDATE legs SET quantity=?, price=?, trigger_price=?, updated_at=?, document=? "
            "WHERE order_id=? AND number=?",
            (
                *(document["quantity"], _text(document, "price")),
                *(_text(document, "trigger_price"), fact.at, _JSON.encode(document).decode()),
                *(fact.order_id, change.leg),
            ),
        )


def _order_canceling(db: Database, _: FactWire, fact: facts.OrderCanceling, __: Document) -> None:
    db.execute(
        "UPDATE orders SET status='canceling', reason=?, updated_at=? WHERE order_id=?",
        (fact.reason, fact.at, fact.order_id),
    )


def _order_done(db: Database, _: FactWire, fact: facts.OrderDone, __: Document) -> None:
    db.execute(
        "UPDATE orders SET status=?, done_at=?, updated_at=? WHERE order_id=?",
        (fact.status, fact.at, fact.at, fact.order_id),
    )


def _order_forgotten(db: Database, _: FactWire, fact: facts.OrderForgotten, __: Document) -> None:
    db.execute("UPDATE orders SET terms=NULL WHERE order_id=?", (fact.order_id,))
    db.execute("UPDATE legs SET terms=NULL WHERE order_id=?", (fact.order_id,))


def _leg_armed(db: Database, _: FactWire, fact: facts.LegArmed, doc: Document) -> None:
    if fact.trigger_price is not None:
        db.execute(
            "UPDATE legs SET trigger_price=? WHERE order_id=? AND number=?",
            (doc["trigger_price"], fact.order_id, fact.leg),
        )


def _leg_done(db: Database, _: FactWire, fact: facts.LegDone, doc: Document) -> None:
    db.execute(
        "UPDATE legs SET status=?, cum_quantity=?, reason=?, updated_at=? "
        "WHERE order_id=? AND number=?",
        (fact.status, doc["cum_quantity"], fact.reason, fact.at, fact.order_id, fact.leg),
    )


def _leg_status(db: Database, fact: Any, doc: Document, status: str) -> None:
    db.execute(
        "UPDATE legs SET status=?, reason=?, updated_at=? "
        f"WHERE order_id=? AND number=? AND status NOT IN {LEG_ENDS}",
        (status, doc.get("reason", ""), fact.at, fact.order_id, fact.leg),
    )


def _sending(db: Database, _: FactWire, fact: facts.VenueOrderSending, doc: Document) -> None:
    row = (
        *(doc["venue_order_id"], fact.order_id, str(doc["leg"]), doc.get("instrument", "")),
        *(doc["side"], fact.order_type.value, doc["quantity"], "0", doc.get("price")),
        *(doc.get("trigger_price"), "sending", "", "", fact.at, fact.at, fact.quantity, 0),
    )
    # The same attempt may be sent again under the same id.
    db.execute(f"INSERT OR IGNORE INTO venue_orders VALUES ({_places(17)})", row)


def _venue_order_status(
    db: Database, doc: Document, status: str, unless: str = "('filled')"
) -> None:
    reason = doc.get("reason", doc.get("code", doc.get("detail", "")))
    db.execute(
        "UPDATE venue_orders SET status=?, reason=?, updated_at=?, "
        f"venue_id=coalesce(?, venue_id) WHERE venue_order_id=? AND status NOT IN {unless}",
        (status, reason, doc["at"], doc.get("venue_id"), doc["venue_order_id"]),
    )


def _found(db: Database, _: FactWire, fact: facts.VenueOrderFound, doc: Document) -> None:
    if fact.status.value == "working":
        _venue_order_status(db, doc, "working")
        _resized(db, fact, doc)
    else:  # of a late look the answer says only that what is over is over: how it ended stays
        _venue_order_status(db, doc, fact.status.value, VENUE_ENDS)


def _amended(db: Database, _: FactWire, fact: facts.VenueOrderAmended, doc: Document) -> None:
    _resized(db, fact, doc)


def _resized(
    db: Database, fact: facts.VenueOrderAmended | facts.VenueOrderFound, doc: Document
) -> None:
    """A venue order as the venue now says it is. It lives, whatever the fills made of it while an
    amend was open: with its old size filled it seemed over."""
    db.execute(
        "UPDATE venue_orders SET quantity=?, whole_units=?, price=coalesce(?, price), "
        "trigger_price=coalesce(?, trigger_price), updated_at=?, "
        "status=CASE WHEN cum_units > 0 AND cum_units >= ? THEN 'filled' "
        f"WHEN status IN {VENUE_ENDS} THEN 'working' ELSE status END WHERE venue_order_id=?",
        (
            *(doc["quantity"], fact.quantity, doc.get("price"), doc.get("trigger_price")),
            *(fact.at, fact.quantity, doc["venue_order_id"]),
        ),
    )


def _filled(db: Database, wire: FactWire, fact: facts.VenueOrderFilled, doc: Document) -> None:
    side = db.execute(
        "SELECT side FROM legs WHERE order_id=? AND number=?", (fact.order_id, fact.leg)
    ).fetchone()
    row = (
        *(doc["event_seq"], fact.at, fact.order_id, str(doc["leg"]), doc["venue_order_id"]),
        *(fact.exec_id, doc.get("instrument", ""), side[0] if side else ""),
        *(doc["quantity"], doc["price"], doc["fee"], fact.confirmed, fact.late),
    )
    db.execute(f"INSERT INTO fills VALUES ({_places(13)})", row)
    _counted(db, wire, fact, doc, fact.quantity)
    if fact.late:
        _revived(db, fact)


def _refuted(db: Database, wire: FactWire, fact: facts.FillRefuted, doc: Document) -> None:
    db.execute(
        "DELETE FROM fills WHERE venue_order_id=? AND exec_id=?",
        (doc["venue_order_id"], fact.exec_id),
    )
    _counted(db, wire, fact, doc, -fact.quantity)
    _revived(db, fact)


def _confirmed(db: Database, _: FactWire, fact: facts.FillConfirmed, doc: Document) -> None:
    db.execute(
        "UPDATE fills SET confirmed=1 WHERE venue_order_id=? AND exec_id=?",
        (doc["venue_order_id"], fact.exec_id),
    )


def _counted(
    db: Database,
    wire: FactWire,
    fact: facts.VenueOrderFilled | facts.FillRefuted,
    doc: Document,
    units: int,
) -> None:
    """A venue order is filled when its own fills add up, whatever was reported before."""
    db.execute(
        "UPDATE legs SET cum_quantity=?, updated_at=? WHERE order_id=? AND number=?",
        (doc["cum_quantity"], fact.at, fact.order_id, fact.leg),
    )
    found = db.execute(
        "SELECT cum_units, whole_units, status, instrument FROM venue_orders "
        "WHERE venue_order_id=?",
        (doc["venue_order_id"],),
    ).fetchone()
    if found is None:
        return
    cum, whole, status, symbol = found
    cum += units
    if cum >= whole:
        status = "filled"
    elif status == "filled":
        status = "canceled"  # a fill that ended it was taken back; what is left there is recalled
    elif status in ("sending", "unknown"):
        status = "working"
    grid = wire.grids.get(symbol)
    db.execute(
        "UPDATE venue_orders SET cum_units=?, cum_quantity=?, status=?, updated_at=? "
        "WHERE venue_order_id=?",
        (cum, grid.quantity_text(cum) if grid else cum, status, fact.at, doc["venue_order_id"]),
    )


def _incident_opened(db: Database, _: FactWire, fact: facts.IncidentOpened, doc: Document) -> None:
    row = (
        *(doc["event_seq"], fact.order_id, doc.get("leg"), fact.kind.value, fact.detail),
        *(fact.setting, doc["quantity"], fact.at, None, ""),
    )
    db.execute(f"INSERT INTO incidents VALUES ({_places(10)})", row)


def _incident_closed(db: Database, _: FactWire, fact: facts.IncidentClosed, doc: Document) -> None:
    """The oldest of its kind and leg; of those about no order, those that begin with the name."""
    if not fact.order_id:
        name = fact.detail.partition(": ")[0] + ": "
        db.execute(
            "UPDATE incidents SET closed_at=?, outcome=? WHERE order_id='' AND kind=? "
            "AND substr(detail, 1, length(?)) = ? AND closed_at IS NULL",
            (fact.at, fact.detail, fact.kind.value, name, name),
        )
        return
    db.execute(
        "UPDATE incidents SET closed_at=?, outcome=? WHERE event_seq = "
        "(SELECT min(event_seq) FROM incidents WHERE order_id=? AND kind=? AND leg IS ? "
        "AND closed_at IS NULL)",
        (fact.at, fact.detail, fact.order_id, fact.kind.value, doc.get("leg")),
    )


def _places(count: int) -> str:
    return ", ".join("?" * count)


def _text(document: Document, field: str) -> str | None:
    """A price column: decimal text, or the JSON of a distance from the entry."""
    value = document.get(field)
    return value if value is None or isinstance(value, str) else _JSON.encode(value).decode()


_RULES: dict[type, Callable[[Database, FactWire, Any, Document], None]] = {
    facts.InstrumentDefined: _instrument_defined,
    facts.OrderAccepted: _order_accepted,
    facts.OrderAmended: _order_amended,
    facts.OrderCanceling: _order_canceling,
    facts.OrderDone: _order_done,
    facts.OrderForgotten: _order_forgotten,
    facts.LegArmed: _leg_armed,
    facts.LegAdded: _leg_added,
    facts.LegDone: _leg_done,
    facts.VenueOrderSending: _sending,
    facts.VenueOrderFound: _found,
    facts.VenueOrderAmended: _amended,
    facts.VenueOrderFilled: _filled,
    facts.FillConfirmed: _confirmed,
    facts.FillRefuted: _refuted,
    facts.IncidentOpened: _incident_opened,
    facts.IncidentClosed: _incident_closed,
}
