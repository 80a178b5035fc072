"""Recorded markets full of random orders, with the auditor watching.

Decides what is placed into a recorded market and when, from a seed. Usage:
``script/markets FILE_OR_FOLDER ... [--orders N] [--seed N] [--ticks N] [--faults]``.
Exits 1 when any guarantee was broken, naming file, seed and breach.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct

from interlock.audit.auditor import Auditor
from interlock.audit.breach import Breach
from interlock.engine.digest import digest
from interlock.engine.evolve import evolve
from interlock.engine.state import State
from interlock.journal.memory import MemoryJournal
from interlock.market.inference import infer
from interlock.market.readers import MarketFile
from interlock.orders import commands as c
from interlock.orders.capabilities import Capabilities
from interlock.orders.facts import Fact
from interlock.orders.grid import Grid
from interlock.orders.instruments import Instrument
from interlock.orders.requests import Request
from interlock.orders.ticks import Depth, Quote, Tick, Trade
from interlock.runtime.line import Line
from interlock.runtime.replay import Replay, Timed
from interlock.sim.draw import draw_capabilities, draw_faults
from interlock.sim.trees import TreeMaker
from interlock.venues.paper.exchange import PaperExchange
from interlock.venues.paper.faults import Faults

SYMBOL = "DATA.PAPER"
PLACE = msgspec.json.Decoder(c.PlaceOrder)
TICKS_MAX = 1 << 62


class AuditedVenue(PaperExchange):
    """The paper exchange, with the auditor looking at what reaches it."""

    auditor: Auditor | None = None

    def send(self, request: Request, at: int) -> None:
        if self.auditor is not None:
            self.auditor.sent(request)
        super().send(request, at)


class Run(Struct):
    """One market file played with random orders in it."""

    path: Path
    ticks: int
    orders: int
    accepted: int
    facts: int
    done: int
    seconds: float
    breaches: list[Breach]


def mid(tick: Tick) -> int | None:
    """A price to build orders around, if the tick has a sound one."""
    if isinstance(tick, Trade):
        return tick.price
    if isinstance(tick, Quote):
        return (tick.bid + tick.ask) // 2 if tick.sound else None
    if isinstance(tick, Depth) and tick.bids and tick.asks:
        return (tick.bids[0][0] + tick.asks[0][0]) // 2
    return None


def commands(rng: Random, grid: Grid, ticks: list[Tick], count: int) -> Iterator[Timed]:
    """Orders at random moments, some of them closed or canceled later."""
    maker = TreeMaker(rng, grid)
    for _ in range(count):
        tick = ticks[rng.randrange(len(ticks))]
        price = mid(tick)
        if price is None or price < 50:
            continue
        body = maker.place(price, max(4, price // rng.choice([200, 1000, 4000])))
        yield Timed(tick.at + 1, PLACE.decode(msgspec.json.encode(body)))
        later = ticks[rng.randrange(len(ticks))].at
        if later > tick.at and rng.random() < 0.15:
            name = str(body["client_order_id"])
            mode = rng.choice(list(c.CancelMode))
            yield Timed(
                later + 2, c.CancelOrder(account="main", client_order_id=name, exposure=mode)
            )


def play(
    path: Path, orders: int, seed: int, ticks_max: int = TICKS_MAX, faults: bool = False
) -> Run:
    """Play one market file; nothing of it is kept but the outcome."""
    began = time.perf_counter()
    instrument = infer(SYMBOL, [path]).instrument
    market = MarketFile(path, instrument, skip_bad=True)
    ticks = list(islice(market, ticks_max))
    rng = Random(seed)
    capabilities = draw_capabilities(rng)
    weather = draw_faults(rng) if faults else Faults()
    given = list(commands(rng, Grid(instrument), ticks, orders))
    line, venue, auditor, facts = _set_up(instrument, capabilities, weather, seed)
    line.start(ticks[0].at - 1, [instrument])
    replay = Replay(line, {"PAPER": venue}, given)
    replay.run(iter(ticks))
    venue.change_faults(Faults())
    venue.reconnect(replay.now)
    calm = Replay(line, {"PAPER": venue})
    calm.now = replay.now
    calm.run(iter(_after(ticks, replay.now)), drain_ns=400_000_000_000)
    breaches = auditor.finish([venue])
    fresh = State()
    for fact in facts:
        evolve(fresh, fact)
    if digest(fresh) != digest(line.state):
        breaches.append(Breach("I7", len(facts), "a replayed journal is another state"))
    accepted = sum(isinstance(a.answer, c.Accepted) for a in replay.answers)
    done = sum(type(fact).__name__ == "OrderDone" for fact in facts)
    seconds = time.perf_counter() - began
    return Run(path, replay.ticks, len(given), accepted, len(facts), done, seconds, breaches)


def _set_up(
    instrument: Instrument, capabilities: Capabilities, faults: Faults, seed: int
) -> tuple[Line, AuditedVenue, Auditor, list[Fact]]:
    auditor = Auditor()
    venue = AuditedVenue("PAPER", [instrument], capabilities, faults, seed)
    venue.auditor = auditor
    facts: list[Fact] = []
    line = Line(MemoryJournal(), {"PAPER": venue})
    line.listeners += [auditor.hear, lambda _, more: facts.extend(more)]
    return line, venue, auditor, facts


def _after(ticks: list[Tick], now: int) -> Iterable[Tick]:
    """The last ticks again, once a second, so that the market still has a price to settle at."""
    for number, tick in enumerate(ticks[-200:]):
        yield msgspec.structs.replace(tick, at=now + (number + 1) * 1_000_000_000)


def files(given: list[Path]) -> list[Path]:
    """Market files among the paths: files as named, folders searched for CSV."""
    out: list[Path] = []
    for path in given:
        if path.is_dir():
            out += sorted(p for p in path.rglob("*.csv*") if p.is_file())
        else:
            out.append(path)
    return out


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="script/markets", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, help="market files, or folders of them")
    parser.add_argument("--orders", type=int, default=200, help="order trees per file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ticks", type=int, default=TICKS_MAX, help="at most so many per file")
    parser.add_argument("--faults", action="store_true", help="a venue with faults")
    given = parser.parse_args(arguments)
    broken = 0
    total = [0, 0, 0]
    for path in files(given.paths):
        run = play(path, given.orders, given.seed, given.ticks, given.faults)
        total = [total[0] + run.ticks, total[1] + run.accepted, total[2] + run.facts]
        verdict = "clean" if not run.breaches else str(run.breaches[0])
        broken += bool(run.breaches)
        rate = run.ticks / run.seconds
        sys.stdout.write(
            f"{path.name}: {run.ticks:,} ticks, {run.accepted} of {run.orders} commands accepted, "
            f"{run.done} orders done, {run.facts:,} facts, {rate:,.0f} ticks/s: {verdict}\n"
        )
        sys.stdout.flush()
    sys.stdout.write(
        f"{total[0]:,} ticks, {total[1]:,} accepted, {total[2]:,} facts; "
        f"{broken} file(s) with a broken guarantee\n"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
