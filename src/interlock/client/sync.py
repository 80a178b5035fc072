"""The client for programs that wait: every method returns when the server has answered.

Decides nothing: what is asked is in ``calls``, when it is asked again in ``retrying``. Invariant:
it has the methods of ``AsyncClient``, with the same names and arguments.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, TypeVar

import httpx

from interlock.client import calls, views
from interlock.client.following import Broken, Follower, Message, Price
from interlock.client.numbers import Number
from interlock.client.proof import Proof
from interlock.client.retrying import Call, Pause, Retry, attempts
from interlock.client.settings import STREAM_RETRY, URL, http_settings, said, thought_over
from interlock.client.words import Node

Answer = TypeVar("Answer")
Item = TypeVar("Item")


class Client:
    """One server, asked with one key: ``Client(url, key_id, secret)``."""

    def __init__(
        self,
        url: str | None = None,
        key_id: str | None = None,
        secret: str | None = None,
        *,
        account: str = "main",
        retry: Retry | None = None,
        stream_retry: Retry = STREAM_RETRY,
        timeout_s: float = 10.0,
        verify: Any = True,
        person: bool = False,
    ) -> None:
        """``account`` is meant where none is named. ``verify`` is httpx's: a CA for TLS. A
        ``person`` asks for second thoughts before protection is taken away; programs do not.

        What is left out of the first three is taken from ``INTERLOCK_URL``, ``INTERLOCK_KEY_ID``
        and ``INTERLOCK_SECRET``.
        """
        self.account = account
        self._retry = retry or Retry()
        self._stream_retry = stream_retry
        self._proof = Proof(said(key_id, "INTERLOCK_KEY_ID"), said(secret, "INTERLOCK_SECRET"))
        self._http = httpx.Client(
            **http_settings(said(url, "INTERLOCK_URL", URL), timeout_s, verify, person)
        )
        self.keys = Keys(self)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close_connections()

    def thought_over(self, token: str, why: str = "") -> AbstractContextManager[None]:
        """Inside, a request that was refused with ``COOLING_OFF`` is sent with its token."""
        return thought_over(self._http.headers, token, why)

    def close_connections(self) -> None:
        """Let go of the connections; ``with Client(...)`` does it by itself."""
        self._http.close()

    def place(
        self,
        order: Node,
        client_order_id: str | None = None,
        *,
        account: str | None = None,
        policy: Mapping[str, Any] | None = None,
        rules: Sequence[Mapping[str, Any]] | None = None,
        tag: str | None = None,
        round: bool | None = None,
        made_at: str | int | None = None,
        max_age_ms: int | None = None,
    ) -> views.Placed:
        """Place one tree of legs. An id is made where none is given."""
        more = {"tag": tag, "round": round, "made_at": made_at, "max_age_ms": max_age_ms}
        whose = account or self.account
        call = calls.place(order, client_order_id, whose, policy=policy, rules=rules, **more)
        return self.ask(call)

    def place_many(self, placements: Sequence[Node], *, atomic: bool = False) -> views.Batch:
        """Place many, each made by ``placement(...)``; with ``atomic`` all of them or none."""
        return self.ask(calls.place_many(placements, atomic))

    def order(self, order_id: str, *, account: str | None = None) -> views.Order:
        """One order whole, by its id or its client order id."""
        return self.ask(calls.order(order_id, account))

    def orders(
        self,
        *,
        account: str | None = None,
        instrument: str | None = None,
        status: str | None = None,
        tag: str | None = None,
        live: bool = False,
    ) -> Iterator[views.OrderLine]:
        """All that match, latest first, page by page as they are asked for."""
        filters = {"account": account, "instrument": instrument, "status": status, "tag": tag}
        return self._pages("/v1/orders", views.OrderLine, **filters, live=live)

    def amend(
        self,
        order_id: str,
        legs: Mapping[str, Mapping[str, Any]],
        *,
        if_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> views.Done:
        """Change live legs: ``amend(id, {"stop_loss": {"trigger_price": "28500"}})``."""
        return self.ask(calls.amend(order_id, legs, if_version, idempotency_key))

    def cancel(
        self, order_id: str, *, exposure: str | None = None, idempotency_key: str | None = None
    ) -> views.Done:
        """``exposure`` is ``protect`` (the server's default), ``flatten`` or ``release``."""
        return self.ask(calls.cancel(order_id, exposure, idempotency_key))

    def cancel_leg(
        self, order_id: str, leg: str, *, idempotency_key: str | None = None
    ) -> views.Done:
        """End one leg; the others go on."""
        return self.ask(calls.cancel_leg(order_id, leg, idempotency_key))

    def cancel_all(
        self,
        *,
        account: str | None = None,
        instrument: str | None = None,
        side: str | None = None,
        tag: str | None = None,
        exposure: str | None = None,
        idempotency_key: str | None = None,
    ) -> views.Done:
        """Cancel every live order of the account that matches all filters given."""
        filters = {"instrument": instrument, "side": side, "tag": tag, "exposure": exposure}
        whose = account or self.account
        return self.ask(calls.cancel_all(idempotency_key, account=whose, **filters))

    def close(
        self,
        instrument: str,
        *,
        account: str | None = None,
        position_side: str | None = None,
        idempotency_key: str | None = None,
    ) -> views.Done:
        """Close a position with all its legs."""
        whose = account or self.account
        position = {"account": whose, "instrument": instrument, "position_side": position_side}
        return self.ask(calls.close(idempotency_key, **position))

    def signal(
        self,
        name: str,
        value: Number,
        *,
        source: str | None = None,
        made_at: int | None = None,
        idempotency_key: str | None = None,
    ) -> views.Done:
        """Give a signal that conditions may watch its value; one with a schema may ask for its
        ``source``, and for when it was ``made_at`` (ns UTC)."""
        more = {"source": source, "made_at": made_at}
        return self.ask(calls.signal(name, value, idempotency_key, **more))

    def signals(self) -> tuple[views.Signal, ...]:
        return self._items("/v1/signals", views.Signal)

    def define_signal(self, name: str, rules: Mapping[str, Any] | None) -> tuple[views.Signal, ...]:
        """Give a signal a schema, or with ``None`` none. Takes an admin."""
        return self._page(calls.define_signal(name, rules)).items

    def preview(
        self, order: Node, *, account: str | None = None, policy: Node | None = None
    ) -> views.Preview:
        """What placing would do: refused why, sent what, waiting, and the risk; nothing is."""
        return self.ask(calls.preview(order, account or self.account, policy=policy))

    def risk(self, *, account: str | None = None) -> views.Risk:
        """What is held, what covers it, how it could grow; the uncovered first."""
        found: views.Risk = self.ask(calls.read("/v1/risk", views.Risk, account=account))
        return found

    def reconcile(self) -> views.Reconciliation:
        """Ask the venues about everything now: what differs, and what was settled."""
        found: views.Reconciliation = self.ask(calls.reconcile())
        return found

    def positions(self, *, account: str | None = None) -> tuple[views.Position, ...]:
        return self._items("/v1/positions", views.Position, account=account)

    def fills(
        self, *, account: str | None = None, order_id: str | None = None
    ) -> Iterator[views.Fill]:
        """Latest first, page by page."""
        return self._pages("/v1/fills", views.Fill, account=account, order_id=order_id)

    def incidents(
        self, *, account: str | None = None, order_id: str | None = None, open: bool = False
    ) -> Iterator[views.Incident]:
        """Latest first, page by page; ``open``: only those that wait for a person."""
        filters = {"account": account, "order_id": order_id, "open": open}
        return self._pages("/v1/incidents", views.Incident, **filters)

    def instruments(self) -> tuple[views.Instrument, ...]:
        return self._items("/v1/instruments", views.Instrument)

    def venues(self) -> tuple[views.Venue, ...]:
        return self._items("/v1/venues", views.Venue)

    def health(self) -> views.Health:
        return self.ask(calls.health())

    def kill(
        self,
        *,
        account: str | None = None,
        instrument: str | None = None,
        tag: str | None = None,
        level: str | None = None,
        why: str = "",
        flatten: bool = False,
        drill: bool = False,
    ) -> views.Killed:
        """Stop an account, an instrument, a strategy (``tag``) or everything, as far as ``level``
        says: block_new, recall_entries, recall_all or flatten. Never sent twice."""
        scope = {"account": account, "instrument": instrument, "tag": tag, "level": level}
        call = calls.kill(**scope, why=why, flatten=flatten or None, drill=drill or None)
        return self.ask(call)

    def resume(
        self, *, account: str | None = None, instrument: str | None = None, tag: str | None = None
    ) -> tuple[views.Halt, ...]:
        """Let trading go on; what is still halted. Takes a session or a key with ``admin``."""
        call = calls.resume(account=account, instrument=instrument, tag=tag)
        return self._page(call).items

    def limits(self) -> tuple[views.LimitedScope, ...]:
        """What is limited, scope by scope, and what it comes to now."""
        return self._items("/v1/risk/limits", views.LimitedScope)

    def set_limits(
        self, limits: Mapping[str, Any] | None, why: str = "", **scope: str
    ) -> tuple[views.LimitedScope, ...]:
        """Put a scope (``account``, ``instrument``, ``tag``, ``venue``; all when none is named)
        under these limits and no others; with ``None`` under none. Takes an admin."""
        return self._page(calls.set_limits(scope, limits, why)).items

    def blocks(self) -> tuple[views.Block, ...]:
        """What takes no new risk now, and why."""
        return self._items("/v1/risk/blocks", views.Block)

    def lift(self, cause: str, name: str, why: str = "") -> tuple[views.Block, ...]:
        """Lift a block before its own rule does; those that stay. Takes an admin."""
        return self._page(calls.lift(cause, name, why)).items

    def countdowns(self) -> tuple[views.Countdown, ...]:
        return self._items("/v1/countdowns", views.Countdown)

    def arm_countdown(
        self,
        name: str,
        after_ms: int,
        level: str = "recall_entries",
        own_key: bool = False,
        **scope: str,
    ) -> views.Countdown:
        """Arm a dead-man switch, or refresh it: without another call within ``after_ms`` the scope
        takes nothing new and what ``level`` says is pulled. ``own_key``: of what was placed with
        this client's key alone."""
        if own_key:
            scope["key"] = self._proof.key_id
        return self.ask(calls.arm(name, after_ms, scope, level))

    def disarm_countdown(self, name: str) -> tuple[views.Countdown, ...]:
        return self._page(calls.disarm(name)).items

    def halts(self) -> tuple[views.Halt, ...]:
        return self._items("/v1/halts", views.Halt)

    def login(self, password: str) -> None:
        """Begin an admin session: ``keys`` and ``resume`` go through it from now on."""
        self._proof.session = self.ask(calls.login(password)).session

    def logout(self) -> None:
        self.ask(calls.logout())
        self._proof.session = ""

    def stream(
        self,
        *,
        account: str | None = None,
        instrument: str | None = None,
        order_id: str | None = None,
        types: Sequence[str] = (),
        snapshot: Sequence[str] = (),
        from_seq: int | None = None,
    ) -> Iterator[Message]:
        """A snapshot, then every fact as it is committed, over as many connections as it takes.

        With ``from_seq`` no snapshot comes first, unless the server no longer has that fact.
        """
        query = calls.stream_query(account, instrument, order_id, types, snapshot)
        for message in self._follow(query, from_seq):
            if not isinstance(message, Price):
                yield message

    def prices(self, *instruments: str) -> Iterator[Price]:
        """The latest price of each instrument (all of them when none is named), then whenever one
        changes: merged over a tenth of a second, and further while nobody reads.
        """
        for message in self._follow(calls.price_query(instruments), None):
            if isinstance(message, Price):
                yield message

    def _follow(self, query: dict[str, str], from_seq: int | None) -> Iterator[Message | Price]:
        follower = Follower(query, from_seq, self._stream_retry)
        while True:
            request = follower.request(self._http.build_request, self._proof.headers)
            try:
                answer = self._http.send(request, stream=True)
                try:
                    if answer.status_code == 200:
                        for chunk in answer.iter_bytes():
                            yield from follower.feed(chunk)
                        follower.lost("the stream ended", request)
                    else:
                        answer.read()
                        follower.answered(answer)
                finally:
                    answer.close()
            except (httpx.TransportError, Broken) as error:
                follower.lost(error, request)
            time.sleep(follower.pause_s())

    def ask(self, call: Call[Answer]) -> Answer:
        """One call, made again as often as is right."""
        steps = attempts(call, self._http.build_request, self._proof.headers, self._retry)
        heard: httpx.Response | httpx.TransportError | None = None
        while True:
            try:
                step = steps.send(heard)
            except StopIteration as end:
                answer: Answer = end.value
                return answer
            heard = None
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                continue
            try:
                heard = self._http.send(step)
            except httpx.TransportError as error:
                heard = error

    def _page(self, call: Call[Any]) -> calls.Page[Any]:
        found: calls.Page[Any] = self.ask(call)
        return found

    def _items(self, path: str, item: type[Item], **query: object) -> tuple[Item, ...]:
        return self._page(calls.page(path, item, query)).items

    def _pages(self, path: str, item: type[Item], **query: object) -> Iterator[Item]:
        cursor = ""
        while True:
            page = self._page(calls.page(path, item, query, cursor))
            yield from page.items
            cursor = page.next
            if not cursor:
                return


class Keys:
    """Keys, for an admin session: ``client.login(password)`` comes first."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def make(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        accounts: Sequence[str] = (),
        allowed_ips: Sequence[str] = (),
        expires_in_days: int | None = None,
    ) -> views.NewKey:
        """A key with its secret, which is never shown again."""
        call = calls.make_key(name, scopes, accounts, allowed_ips, expires_in_days)
        return self._client.ask(call)

    def list(self) -> tuple[views.Key, ...]:
        found: calls.Page[views.Key] = self._client.ask(calls.list_keys())
        return found.items

    def revoke(self, key_id: str) -> views.Key:
        """At once, its streams included."""
        return self._client.ask(calls.revoke_key(key_id))
