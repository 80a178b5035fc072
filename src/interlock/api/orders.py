"""Orders: place, amend, cancel, close, and signals in.

Decides which command a request means. Invariant: a request that changes something is carried out
once however often it is sent: orders by their client order id, all else by an idempotency key.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec

from interlock.api.desk import Desk
from interlock.api.problems import ApiCode, Problem, of_reject, problem
from interlock.api.route import Asked, Caller, Reply
from interlock.api.second_thoughts import Volatility, view
from interlock.api.views import Done, Placed
from interlock.orders import commands as c
from interlock.orders.commands import Accepted, AmendOrder, CancelLeg, CancelMode, PlaceOrder
from interlock.orders.legs import PositionSide, Side
from interlock.orders.rejects import Reject
from interlock.orders.tree import LegChange

KEY_LENGTH_MAX = 128

Halted = Callable[[str], Problem | None]
"""Why nothing may be placed for an account now."""


class AmendBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of which legs; refused if the order has another version than ``if_version``.

    A change of several legs is done whole or not at all.
    """

    legs: dict[str, LegChange]
    if_version: int | None = None


class CancelBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of what was bought or sold: see ``exposure`` in the documentation of orders."""

    exposure: CancelMode = CancelMode.PROTECT


class CancelManyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every live order of the account that matches all filters given."""

    account: str
    instrument: str | None = None
    side: Side | None = None
    tag: str | None = None
    exposure: CancelMode = CancelMode.PROTECT


class CloseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Close a position with all its legs."""

    account: str
    instrument: str
    position_side: PositionSide | None = None


class SignalBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``source`` and ``made_at`` (ns UTC) are for signals with a schema."""

    value: str
    source: str = ""
    made_at: int | None = None


PERSON = "interlock-person"
THOUGHT = "interlock-second-thought"
WHY = "interlock-why"
TEXT_LENGTH_MAX = 500


class Orders:
    """Requests about orders, for one desk."""

    def __init__(self, desk: Desk, halted: Halted, everybody: bool = False) -> None:
        """``everybody``: programs think twice, too."""
        self._desk = desk
        self._halted = halted
        self._everybody = everybody
        self._seen = Volatility()
        desk.live.on_tick.append(self._seen.hear)

    async def place(self, asked: Asked) -> Reply | Problem:
        place = asked.read(PlaceOrder)
        if isinstance(place, Problem):
            return place
        if not asked.caller.may_touch(place.account):
            return not_yours(place.account)
        halted = self._halted(place.account)
        if halted is not None:
            return halted
        place = by_key(place, asked.caller)
        if isinstance(place, Problem):
            return place
        answer = await self._desk.ask(place)
        if isinstance(answer, Reject):
            return of_reject(answer)
        placed = Placed(answer.order_id, place.client_order_id, answer.version, answer.replayed)
        headers = {"Location": f"/v1/orders/{answer.order_id}"}
        return replayed(Reply(placed, 200 if answer.replayed else 201, headers), answer)

    async def amend(self, asked: Asked) -> Reply | Problem:
        body = asked.read(AmendBody)
        if isinstance(body, Problem):
            return body
        named = self._named(asked)
        if isinstance(named, Problem):
            return named
        return await self.keyed(asked, AmendOrder(body.legs, **named, if_version=body.if_version))

    async def cancel(self, asked: Asked) -> Reply | Problem:
        body = asked.read(CancelBody, b"{}")
        if isinstance(body, Problem):
            return body
        named = self._named(asked)
        if isinstance(named, Problem):
            return named
        return await self.keyed(asked, c.CancelOrder(**named, exposure=body.exposure))

    async def cancel_leg(self, asked: Asked) -> Reply | Problem:
        named = self._named(asked)
        if isinstance(named, Problem):
            return named
        return await self.keyed(asked, CancelLeg(asked.path["leg"], **named))

    async def cancel_many(self, asked: Asked) -> Reply | Problem:
        body = asked.read(CancelManyBody)
        if isinstance(body, Problem):
            return body
        if not asked.caller.may_touch(body.account):
            return not_yours(body.account)
        fields = msgspec.structs.asdict(body)
        return await self.keyed(asked, c.CancelOrders(**fields))

    async def close(self, asked: Asked) -> Reply | Problem:
        body = asked.read(CloseBody)
        if isinstance(body, Problem):
            return body
        if not asked.caller.may_touch(body.account):
            return not_yours(body.account)
        return await self.keyed(asked, c.ClosePosition(**msgspec.structs.asdict(body)))

    async def signal(self, asked: Asked) -> Reply | Problem:
        body = asked.read(SignalBody)
        if isinstance(body, Problem):
            return body
        return await self.keyed(
            asked, c.Signal(asked.path["name"], body.value, body.source, body.made_at)
        )

    async def keyed(self, asked: Asked, command: c.Plain) -> Reply | Problem:
        """Carry out a command once under its ``Idempotency-Key``."""
        key = asked.headers.get("idempotency-key", "")
        if not 0 < len(key) <= KEY_LENGTH_MAX:
            return problem(
                ApiCode.IDEMPOTENCY_KEY_MISSING,
                f"A request that changes something names itself in the header Idempotency-Key: "
                f"1 to {KEY_LENGTH_MAX} characters, new for each request and the same when it is "
                f"repeated.",
                "Send for example a random UUID.",
            )
        digest = blake2b(msgspec.json.encode(command), digest_size=16).hexdigest()
        headers = asked.headers
        person = self._everybody or asked.caller.session or headers.get(PERSON, "") == "true"
        token, why = headers.get(THOUGHT, "")[:64], headers.get(WHY, "")[:TEXT_LENGTH_MAX]
        keyed = c.Keyed(asked.caller.key_id, key, digest, command, person, token, why)
        answer = await self._desk.ask(keyed)
        if isinstance(answer, Reject):
            return self._refused(answer)
        done = Done(answer.order_id, answer.version, answer.orders, answer.replayed)
        return replayed(Reply(done), answer)

    def _refused(self, reject: Reject) -> Problem:
        """A no; of a request that is held back, with what it would change."""
        told = of_reject(reject)
        if reject.thought is None:
            return told
        markets = self._desk.live.line.state.markets
        prices: dict[str, float] = {}
        for one in reject.thought.weakened:
            market = markets[one.instrument]
            reference = market.reference()
            if reference is not None:
                prices[one.instrument] = float(market.grid.price_text(reference))
        thought = view(reject.thought, prices, self._seen)
        return msgspec.structs.replace(told, second_thought=thought)

    def _named(self, asked: Asked) -> dict[str, Any] | Problem:
        """How the command names the order: by its id, or by its client's, where that is the only
        one. Nothing of other people's orders is told.
        """
        name, caller = asked.path["order_id"], asked.caller
        orders = self._desk.live.line.state.orders
        account = asked.query.get("account")
        for order in orders.looked_at([name]):
            if caller.may_touch(order.terms.account):
                return {"order_id": name, "account": order.terms.account}
        known = orders.accounts() if account is None else [account]
        found = [one for one in known if caller.may_touch(one) and orders.named(one, name)]
        if len(found) == 1:
            return {"client_order_id": name, "account": found[0]}
        if found:
            rule = f"{name!r} is an order's id in each of {', '.join(found)}."
            return problem(ApiCode.NOT_FOUND, rule, "Say which with ?account=.")
        if not caller.accounts:
            return {"order_id": name}  # the engine says whether it is over, or unknown
        return problem(ApiCode.NOT_FOUND, f"There is no order {name!r}.")


def replayed(reply: Reply, answer: Accepted) -> Reply:
    if answer.replayed:
        reply.headers["Idempotent-Replay"] = "true"
    return reply


def by_key(place: PlaceOrder, caller: Caller) -> PlaceOrder | Problem:
    """The placement with the key that it came with."""
    if place.key == caller.key:
        return place
    return not_your_key("/key") if place.key else msgspec.structs.replace(place, key=caller.key)


def not_your_key(pointer: str) -> Problem:
    return problem(
        ApiCode.KEY_NOT_YOURS,
        "A key acts for itself: it names no other key, and a session has none.",
        "Leave it out, or sign with that key.",
        pointer,
    )


def not_yours(account: str) -> Problem:
    return problem(
        ApiCode.ACCOUNT_NOT_ALLOWED,
        f"This key may not touch the account {account!r}.",
        "Use a key for that account.",
        "/account",
    )
