"""Micro-batches: many orders in one request, each accepted or refused on its own, or all or none.

Decides how a batch is read and told. Invariant: there is one result per element, in the order they
were sent, and none before its order is durable.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Raw, structs

from interlock.api.access.limits import Allowance
from interlock.api.desk import Desk
from interlock.api.door import limited, rate_headers, refusal
from interlock.api.orders import Halted, by_key, not_yours
from interlock.api.problems import ApiCode, Problem, of_reject, problem
from interlock.api.route import Asked, Budget, Caller, Reply
from interlock.api.views import BatchAnswer, BatchResult
from interlock.orders.commands import Answer, PlaceOrder, PlaceOrders
from interlock.orders.decoding import decode_body, decode_many
from interlock.orders.rejects import Reject, RejectCode

BATCH_MAX = 5_000
CHUNK = 250
"""Elements whose results a streamed answer gives together."""
JSON, NDJSON, MSGPACK = "application/json", "application/x-ndjson", "application/msgpack"
_RAWS = msgspec.json.Decoder(list[Raw])
_PACKED = msgspec.msgpack.Decoder(list[Raw])
_PLACE_PACKED = msgspec.msgpack.Decoder(PlaceOrder)
_ENCODER = msgspec.json.Encoder()

Element = PlaceOrder | Problem
Take = Callable[[Caller, Budget, int], Allowance]
"""Takes that much from one of a caller's budgets."""


class Batches:
    """Batches of placements, for one desk."""

    def __init__(self, desk: Desk, halted: Halted, take: Take) -> None:
        self._desk = desk
        self._halted = halted
        self._take = take

    async def place(self, asked: Asked) -> Reply | Problem:
        media = asked.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        whole = decode_many(asked.body, PlaceOrder) if media == JSON else None
        raws: list[Raw] | list[PlaceOrder] | Problem
        raws = split(asked.body, media) if whole is None else whole
        if isinstance(raws, Problem):
            return raws
        if len(raws) > BATCH_MAX:
            return problem(
                ApiCode.BODY_TOO_LARGE,
                f"A batch has at most {BATCH_MAX} orders; this one has {len(raws)}.",
                "Send it in parts.",
            )
        left = self._take(asked.caller, Budget.PLACING, max(1, len(raws)))
        headers = rate_headers(left)
        if not left.allowed:
            return refusal(limited(Budget.PLACING), headers)
        packed = media == MSGPACK
        if asked.flag("atomic"):
            reply = await self._all_or_none(self._read(raws, packed, asked))
            return refusal(reply, headers) if isinstance(reply, Problem) else reply
        if asked.headers.get("accept", "").partition(";")[0].strip() == NDJSON:
            stream = self._streamed(asked, raws, packed)
            return Reply(headers=headers, media_type=NDJSON, stream=stream)
        results = await self._each(self._read(raws, packed, asked), 0)
        return Reply(self._answer(results), headers=headers)

    async def _each(self, elements: list[Element], first: int) -> list[BatchResult]:
        places = [element for element in elements if isinstance(element, PlaceOrder)]
        answers = iter(await self._desk.ask_all(list(places)))
        return [
            refused(first + n, "", element)
            if isinstance(element, Problem)
            else told(first + n, element, next(answers))
            for n, element in enumerate(elements)
        ]

    async def _all_or_none(self, elements: list[Element]) -> Reply | Problem:
        for number, element in enumerate(elements):
            if isinstance(element, Problem):
                return structs.replace(element, pointer=f"/{number}{element.pointer}")
        places = tuple(element for element in elements if isinstance(element, PlaceOrder))
        answer = await self._desk.ask(PlaceOrders(places))
        if isinstance(answer, Reject):
            # The body is the list itself.
            return of_reject(structs.replace(answer, path=answer.path.removeprefix("orders")))
        results = [
            BatchResult(n, "accepted", place.client_order_id, order_id, answer.replayed)
            for n, (place, order_id) in enumerate(zip(places, answer.orders, strict=True))
        ]
        return Reply(self._answer(results))

    async def _streamed(
        self, asked: Asked, raws: Sequence[Raw | PlaceOrder], packed: bool
    ) -> AsyncIterator[bytes]:
        """A line per element as it commits, and the sum at the end."""
        accepted = 0
        for first in range(0, len(raws), CHUNK):
            elements = self._read(raws[first : first + CHUNK], packed, asked)
            results = await self._each(elements, first)
            accepted += sum(result.status == "accepted" for result in results)
            yield b"".join(_ENCODER.encode(result) + b"\n" for result in results)
        last = {
            "batch_id": self._batch_id(),
            "accepted": accepted,
            "refused": len(raws) - accepted,
        }
        yield _ENCODER.encode(last) + b"\n"

    def _read(self, raws: Sequence[Raw | PlaceOrder], packed: bool, asked: Asked) -> list[Element]:
        """Each element as an order, or as the reason why it is none, or may not be placed."""
        verdicts: dict[str, Problem | None] = {}
        elements: list[Element] = []
        for raw in raws:
            one = raw if isinstance(raw, PlaceOrder) else read(raw, packed)
            if isinstance(one, PlaceOrder):
                account = one.account
                if account not in verdicts:
                    mine = asked.caller.may_touch(account)
                    verdicts[account] = self._halted(account) if mine else not_yours(account)
                one = verdicts[account] or by_key(one, asked.caller)
            elements.append(one)
        return elements

    def _answer(self, results: list[BatchResult]) -> BatchAnswer:
        accepted = sum(result.status == "accepted" for result in results)
        return BatchAnswer(self._batch_id(), accepted, len(results) - accepted, results)

    def _batch_id(self) -> str:
        return f"b{self._desk.journal.tail().n}"


def split(body: bytes, media: str) -> list[Raw] | Problem:
    """The elements, each still undecoded."""
    try:
        if media == JSON:
            return _RAWS.decode(body)
        if media == MSGPACK:
            return _PACKED.decode(body)
        if media == NDJSON:
            return [Raw(line) for line in body.splitlines() if line.strip()]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return of_reject(_not_a_list(error))
    return problem(
        ApiCode.UNSUPPORTED_MEDIA_TYPE,
        f"A batch is a list as {JSON} or {MSGPACK}, or a line each as {NDJSON}, not {media!r}.",
    )


def _not_a_list(error: Exception) -> Reject:
    return Reject(RejectCode.MALFORMED, "", f"The body must be a list of orders: {error}.")


def read(raw: Raw, packed: bool) -> Element:
    """One element, or why it is none."""
    place: Any = None
    data = bytes(raw)
    if packed and not (b"\xcf" in data or b"\xd3" in data):  # 64-bit numbers
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            place = _PLACE_PACKED.decode(data)
    if place is None:
        if packed:
            try:  # the words are the same: what is wrong is told as of JSON
                data = msgspec.json.encode(msgspec.msgpack.decode(data))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError) as error:
                return of_reject(_not_a_list(error))
        place = decode_body(data, PlaceOrder)
    if isinstance(place, Reject):
        return of_reject(place)
    assert isinstance(place, PlaceOrder)
    return place


def told(number: int, place: PlaceOrder, answer: Answer) -> BatchResult:
    name = place.client_order_id
    if isinstance(answer, Reject):
        return refused(number, name, of_reject(answer))
    return BatchResult(number, "accepted", name, answer.order_id, answer.replayed)


def refused(number: int, name: str, why: Problem) -> BatchResult:
    return BatchResult(number, "refused", name, problem=why)
