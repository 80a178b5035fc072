"""The client outside: what it asked for, what it was answered, and what it asks again.

Decides what counts as a promise: an answer that was read here. Invariant: a request without an
answer is asked again after every restart, the same bytes, until it has one; and a request under an
id is never sent in two versions.
"""

import asyncio
from collections import deque
from random import Random
from typing import Any

import msgspec
from msgspec import Raw, Struct

from chaos import wire
from chaos.venue import FIRST_PRICE, INSTRUMENTS
from interlock.orders.commands import Accepted, Answer
from interlock.orders.grid import Grid
from interlock.orders.rejects import Reject
from interlock.sim.trees import TreeMaker

SCALE = FIRST_PRICE // 2_000
LIVE_MAX = 120
"""Orders that the client believes to be live; then the oldest are ended."""
AGAIN_PER_LIFE = 3
"""Answered placements asked again in each life: the answer must be the same."""
MOVES = 18_000
"""Prices an amend can ask for; each is asked for once."""
GAP_S_MAX = 0.02
LEGS_AMENDED = ("stop", "target", "entry")


class Asked(Struct):
    """One request and every answer to it, in the order they came."""

    number: int
    kind: str
    client_order_id: str
    body: bytes
    sent: int = 0
    answers: list[Answer] = []
    price_units: int = 0
    """What an amend asks for; no other asks for the same."""

    @property
    def accepted(self) -> Accepted | None:
        """Its first acceptance."""
        return next((a for a in self.answers if isinstance(a, Accepted)), None)


class Client:
    """All that one trader ever asked, over any number of lives of the process."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.asked: list[Asked] = []
        self.unanswered: dict[int, Asked] = {}
        self.prices = {i.symbol: FIRST_PRICE for i in INSTRUMENTS}
        self.breaches: list[str] = []
        self.resent = 0
        self.confirmed = 0
        """Answered placements that were asked again and answered the same."""
        self.asking = asyncio.Event()
        self.landed = 0
        """Placements whose first answer was that they had been accepted before."""
        self._makers = [TreeMaker(self.rng, Grid(i)) for i in INSTRUMENTS]
        self._live: deque[Asked] = deque()
        self._versions: dict[str, int] = {}
        self._moved = 0

    # Asking

    def placement(self) -> Asked:
        maker = self.rng.choice(self._makers)
        body = maker.place(self.prices[maker.grid.symbol], SCALE)
        name = body["client_order_id"] = f"c{len(self.asked) + 1}"
        return self._new("place", name, body)

    def meddling(self) -> Asked | None:
        """An amend or a cancel of something that was accepted."""
        if not self._live:
            return None
        order = self._live[self.rng.randrange(len(self._live))]
        name = order.client_order_id
        named: dict[str, Any] = {"account": "main", "client_order_id": name}
        chance = self.rng.random()
        if chance < 0.55:
            return self._amend(name, named)
        if chance < 0.75:
            return self._new("cancel_leg", name, named | {"leg": self.rng.choice(LEGS_AMENDED)})
        self._live.remove(order)
        return self._ending(name, named)

    def _ending(self, name: str, named: dict[str, Any]) -> Asked:
        exposure = self.rng.choice(["protect", "flatten", "release", "flatten"])
        return self._new("cancel", name, named | {"exposure": exposure})

    def _amend(self, name: str, named: dict[str, Any]) -> Asked:
        """``if_version`` makes it safe to repeat: it can't land twice."""
        self._moved += 1
        leg = self.rng.choice(LEGS_AMENDED)
        field = "trigger_price" if leg == "stop" else "price"
        # A walk through every number once, in an order that looks like none.
        units = FIRST_PRICE - MOVES // 2 + self._moved * 7_919 % MOVES
        price = f"{units // 100}.{units % 100:02}"
        version = self._versions.get(name, 1)
        body = named | {"legs": {leg: {field: price}}, "if_version": version}
        asked = self._new("amend", name, body)
        asked.price_units = units
        return asked

    def _new(self, kind: str, name: str, body: dict[str, Any]) -> Asked:
        text = msgspec.json.encode({"type": kind, **body})
        asked = Asked(len(self.asked), kind, name, text, answers=[])
        self.asked.append(asked)
        self.unanswered[asked.number] = asked
        return asked

    def send(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        asked.sent += 1
        wire.say(writer, wire.Ask(asked.number, Raw(asked.body)))

    # One life

    async def load(self, port: int) -> None:
        """Ask again for all that is open, then go on asking, until the connection ends.

        ``asking`` is set whenever something has just been sent.
        """
        try:
            reader, writer = await asyncio.open_connection(wire.HOST, port)
        except OSError:
            return
        listening = asyncio.create_task(self.listen(reader))
        self.ask_again(writer)
        try:
            while not listening.done() and not writer.is_closing():
                for _ in range(self.rng.choice([1, 1, 1, 2, 2, 12])):
                    self._ask_one(writer)
                self.asking.set()
                await asyncio.sleep(self.rng.random() * GAP_S_MAX)
        finally:
            writer.close()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def _ask_one(self, writer: asyncio.StreamWriter) -> None:
        if len(self._live) > LIVE_MAX:
            order = self._live.popleft()
            named = {"account": "main", "client_order_id": order.client_order_id}
            self.send(self._ending(order.client_order_id, named), writer)
        asked = self.meddling() if self.rng.random() < 0.3 else self.placement()
        if asked is not None:
            self.send(asked, writer)

    def ask_again(self, writer: asyncio.StreamWriter, sample: int = AGAIN_PER_LIFE) -> None:
        """Everything open, and some of what was answered before."""
        for asked in list(self.unanswered.values()):
            self.resent += asked.sent > 0
            self.send(asked, writer)
        placed = [a for a in self.asked[-400:] if a.kind == "place" and a.accepted is not None]
        for asked in self.rng.sample(placed, min(sample, len(placed))):
            self.send(asked, writer)

    async def listen(self, reader: asyncio.StreamReader) -> None:
        while isinstance(told := await wire.hear(reader, wire.TO_CLIENT), wire.Told):
            self._answered(self.asked[told.number], told.answer)

    def _answered(self, asked: Asked, answer: Answer) -> None:
        first = asked.accepted
        asked.answers.append(answer)
        self.unanswered.pop(asked.number, None)
        if isinstance(answer, Accepted) and answer.version:
            known = self._versions.get(asked.client_order_id, 1)
            self._versions[asked.client_order_id] = max(known, answer.version)
        if asked.kind != "place":
            return
        if first is None:
            if isinstance(answer, Accepted):
                self._live.append(asked)
                self.landed += answer.replayed
        elif isinstance(answer, Reject) or answer.order_id != first.order_id:
            self.breaches.append(
                f"I6: {asked.client_order_id} was accepted as {first.order_id}, "
                f"and then answered {answer}"
            )
        elif not answer.replayed:
            self.breaches.append(f"I6: {asked.client_order_id} was accepted anew: {answer}")
        else:
            self.confirmed += 1

    # After the last restart

    async def settle_answers(self, port: int, seconds: float = 20.0) -> None:
        """Ask again until nothing is open."""
        reader, writer = await asyncio.open_connection(wire.HOST, port)
        listening = asyncio.create_task(self.listen(reader))
        self.ask_again(writer, sample=40)
        waited = 0.0
        while self.unanswered and waited < seconds and not listening.done():
            await asyncio.sleep(0.05)
            waited += 0.05
        await asyncio.sleep(0.3)  # the samples' answers
        writer.close()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        for asked in self.unanswered.values():
            self.breaches.append(f"unanswered after the last restart: {asked.body.decode()}")


async def look(port: int) -> wire.State:
    """Where the process stands."""
    reader, writer = await asyncio.open_connection(wire.HOST, port)
    wire.say(writer, wire.Look())
    state = await wire.hear(reader, wire.TO_CLIENT)
    writer.close()
    assert isinstance(state, wire.State), "the process is gone"
    return state


async def set_clock(port: int, offset_ns: int) -> None:
    _, writer = await asyncio.open_connection(wire.HOST, port)
    wire.say(writer, wire.SetClock(offset_ns))
    await writer.drain()
    writer.close()
