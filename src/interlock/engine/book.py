"""The book of orders: those that live, and those that only wait.

Decides how an order is kept in memory. An order that was accepted with every leg waiting here, and
to which nothing has happened since, is kept as the acceptance itself, in the journal's own bytes,
beside its entries in the trigger index: a tenth of what a living order takes. The first look at it
by id brings it to life. Invariant: kept or living, an order reads the same; which of the two it is
decides no fact.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from interlock.engine.entries import Entry, Kept, Key, TrailEntry
from interlock.engine.order import Leg, Order
from interlock.orders.facts import OrderAccepted
from interlock.orders.ids import order_id as id_of
from interlock.orders.ids import order_number
from interlock.orders.terms import OrderTerms

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(OrderAccepted)

TERMS_MARK: Final = "="
"""Begins the digest of a body that is known by its terms."""
Entries = dict[Key, list[Entry]]
Watermarks = tuple[int | None, ...]


class OrderBook:
    """Orders by id."""

    __slots__ = ("_clients", "_entries", "_forgotten", "_kept", "_living")

    def __init__(self, entries: Entries) -> None:
        self._living: dict[str, Order] = {}
        self._kept: dict[int, Kept] = {}
        """By number: they come one after the other, and lie in memory that way."""
        self._entries = entries
        """What each leg (or atom) of a living order has waiting in the index."""
        self._clients: dict[str, dict[str, str]] = {}
        """Account -> client order id -> order id; never forgotten."""
        self._forgotten: dict[str, str] = {}
        """Order id -> digest of the body of an order that left memory."""

    def __len__(self) -> int:
        return len(self._living) + len(self._kept)

    def __contains__(self, order_id: str) -> bool:
        return order_id in self._living or order_number(order_id) in self._kept

    def __iter__(self) -> Iterator[str]:
        """Ids, as accepted: they sort that way."""
        return iter(sorted([*self._living, *map(id_of, self._kept)]))

    def __getitem__(self, order_id: str) -> Order:
        order = self._living.get(order_id)
        return order if order is not None else self._awaken(order_id)

    def get(self, order_id: str) -> Order | None:
        order = self._living.get(order_id)
        if order is None and order_number(order_id) in self._kept:
            return self._awaken(order_id)
        return order

    def living(self) -> list[Order]:
        """Orders something has happened to since they were accepted, as accepted.

        The others hold nothing at a venue and have filled nothing.
        """
        return [self._living[order_id] for order_id in sorted(self._living)]

    def sketches(self) -> Iterator[Order]:
        """Every order as accepted, to be read only: act on one through its id."""
        for order_id in self:
            kept = self._kept.get(order_number(order_id))
            yield self._living[order_id] if kept is None else _order(_DECODER.decode(kept.data))

    def looked_at(self, ids: Iterable[str]) -> Iterator[Order]:
        """Those of the named that are still there, to be read only."""
        for order_id in ids:
            kept = self._kept.get(order_number(order_id))
            if kept is not None:
                yield _order(_DECODER.decode(kept.data))
            elif order_id in self._living:
                yield self._living[order_id]

    # Written by ``evolve`` and ``digest`` alone.

    def add(self, order: Order) -> None:
        terms = order.terms
        self._living[terms.id] = order
        self._know(terms.account, terms.client_order_id, terms.id)

    def keep(self, terms: OrderTerms, number: int, entries: tuple[Entry, ...], data: bytes) -> None:
        """Keep an order as its acceptance, encoded as ``data``; ``number`` is its id's."""
        if len(entries) == 2:
            self._kept[number] = Kept(data, entries[0], entries[1])
        else:
            self._kept[number] = Kept(data, entries[0], None, entries[1:])
        self._know(terms.account, terms.client_order_id, terms.id)

    def kept(self) -> list[tuple[bytes, Watermarks]]:
        """For a snapshot: acceptances, and how far trailing stops have come since."""
        return [(kept.data, _watermarks(kept.entries)) for kept in self._kept.values()]

    def watermarks(self, order_id: str) -> Watermarks:
        """How far the trailing stops of an order that only waits have come; else nothing."""
        kept = self._kept.get(order_number(order_id))
        return () if kept is None else _watermarks(kept.entries)

    def drop(self, order_id: str) -> None:
        """Forget a done order; its ids and the digest of its body stay known."""
        self._forgotten[order_id] = self.body_digest(order_id)
        del self._living[order_id]

    # Ids.

    def named(self, account: str, client_order_id: str) -> str | None:
        """The id of the order a client knows by ``client_order_id``, forgotten or not."""
        clients = self._clients.get(account)
        return None if clients is None else clients.get(client_order_id)

    def accounts(self) -> list[str]:
        """Every account that ever placed an order."""
        return sorted(self._clients)

    def body_digest(self, order_id: str) -> str:
        """Of the body that an order was placed with; see ``terms_digest`` for flat orders."""
        order = self._living.get(order_id)
        if order is not None:
            return order.terms.digest or terms_digest(order.terms)
        kept = self._kept.get(order_number(order_id))
        if kept is not None:
            return terms_digest(_DECODER.decode(kept.data).terms)
        return self._forgotten[order_id]

    def forgotten(self) -> list[tuple[str, str, str, str]]:
        """Account, client order id, order id and body digest of each."""
        return [
            (account, client, order_id, self._forgotten[order_id])
            for account, clients in self._clients.items()
            for client, order_id in clients.items()
            if order_id in self._forgotten
        ]

    def remember(self, account: str, client: str, order_id: str, body: str) -> None:
        self._know(account, client, order_id)
        self._forgotten[order_id] = body

    def _know(self, account: str, client: str, order_id: str) -> None:
        clients = self._clients.get(account)
        if clients is None:
            clients = self._clients[account] = {}
        clients[client] = order_id

    def _awaken(self, order_id: str) -> Order:
        kept = self._kept.pop(order_number(order_id))
        order = self._living[order_id] = _order(_DECODER.decode(kept.data))
        for entry in kept.entries:
            self._entries[entry.key] = [entry]
        return order


def acceptance(fact: OrderAccepted) -> bytes:
    """The fact as the journal writes it."""
    return _ENCODER.encode(fact)


def terms_digest(terms: OrderTerms) -> str:
    """A flat order's body is known by its terms, marked as such: most are never asked about."""
    plain = _ENCODER.encode(replace(terms, id="", digest="", key=""))
    return TERMS_MARK + hashlib.blake2b(plain, digest_size=8).hexdigest()


def _order(fact: OrderAccepted) -> Order:
    """The order as its acceptance left it."""
    order = Order(fact.terms, [Leg(terms) for terms in fact.terms.legs], fact.at)
    for leg, armed in zip(order.legs, fact.armed, strict=True):
        leg.armed = True
        leg.armed_quantity = leg.terms.quantity
        leg.armed_level = armed.trigger_price
        leg.watermark = armed.watermark
    return order


def _watermarks(entries: tuple[Entry, ...]) -> Watermarks:
    """Nothing for an order without trailing stops."""
    marks = tuple(
        entry.channel.watermark(entry) if isinstance(entry, TrailEntry) else None
        for entry in entries
    )
    return marks if any(mark is not None for mark in marks) else ()
