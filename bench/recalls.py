"""``serve recall`` and ``serve consistency``: from a fill at the venue to its sibling's recall.

Three processes on the same cores: the venue (``bench.fills``), the server (``bench.host``) and,
while pairs are placed, the client (``bench.load``). Every fill is measured three ways:

- ``report to recall``: from the moment before the venue wrote the fill report to its socket to the
  moment after the server wrote the recall to its own. What the server was busy with when the report
  arrived is in it; this is the design's figure.
- ``in the server``: from reading the report to having written the recall.
- ``round trip``: until the venue had read the recall.
"""

import json
import sys
import time
from typing import Any

from bench.processes import Served, Spoken

PAIRS, FILLS, EVERY_US = 100_000, 1_000, 3_000
RATE, PLACING_BATCH, CONNECTIONS = 50_000, 100, 4
SIZES = (1_000, 10_000, 100_000)
SLICES_OFF = 1_000_000_000
VARIANTS: dict[str, tuple[object, ...]] = {
    "as it is": (),
    "without slices": ("--slice", SLICES_OFF),
    "collector as Python has it": ("--collector", "default"),
}

Moments = dict[str, list[int]]


class World:
    """A venue and a server with so many live pairs, and a number of fills to come."""

    def __init__(self, pairs: int, fills: int, *switches: object) -> None:
        self._pairs, self._fills, self._switches = pairs, fills, switches
        self.venue_said: list[tuple[str, Moments]] = []

    def __enter__(self) -> "World":
        self.venue = Spoken("bench.fills")
        port = self.venue.hear().split()[1]
        self.server = Served("--venue", port, *self._switches)
        self.server.load("batches", 2, self._pairs)
        self.server.load("resting", 1, self._fills)
        while self.venue.ask("resting") < 2 * self._fills:
            time.sleep(0.05)
        return self

    def __exit__(self, *fault: object) -> None:
        self.server.__exit__(*fault)
        self.venue.__exit__(*fault)

    def fill(self, what: str, count: int, every_us: int = EVERY_US) -> None:
        self.venue_said.append((what, self.venue.ask(f"fill {count} {every_us}")))

    def rows(self) -> list[dict[str, Any]]:
        """The server ends with it: what both have written down, put together."""
        recalls = self.server.recalls()
        return [{"while": what, **times(found, recalls)} for what, found in self.venue_said]


def times(venue: Moments, server: Moments) -> dict[str, Any]:
    late = sum(recalled == 0 or one not in server for one, (_, recalled) in venue.items())
    assert not late, f"{late} of {len(venue)} siblings were never recalled"
    ways = {
        "report to recall": [server[one][1] - sent for one, (sent, _) in venue.items()],
        "in the server": [server[one][1] - server[one][0] for one in venue],
        "round trip": [recalled - sent for sent, recalled in venue.values()],
    }
    out: dict[str, Any] = {"fills": len(venue)}
    for way, spans in ways.items():
        spans.sort()
        for name, place in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
            at = min(len(spans) - 1, int(len(spans) * place))
            out[f"{way} {name}, ms"] = round(spans[at] / 1e6, 3)
        out[f"{way} most, ms"] = round(spans[-1] / 1e6, 3)
    return out


def recall(quick: bool) -> list[dict[str, Any]]:
    pairs, fills = (500, 40) if quick else (PAIRS, FILLS)
    rows = []
    for name, switches in list(VARIANTS.items())[: 1 if quick else None]:
        note(f"  {name}: {pairs:,} pairs live")
        with World(pairs, 2 * fills, *switches) as world:
            note("    idle")
            world.fill("idle", fills)
            note("    while pairs are placed")
            seconds = 1 if quick else 2 + round(fills * EVERY_US / 1e6)
            rate = 1_000 if quick else RATE
            placing = (f"paced{seconds}", CONNECTIONS, rate, PLACING_BATCH)
            with world.server.begin(*placing) as client:
                time.sleep(0.5 if quick else 1.5)  # it logs in and makes its batches first
                world.fill("placing", fills)
                placed = json.loads(client.hear())
            found = world.rows()
            rows += [{"server": name, "live pairs": pairs, **row} for row in found]
            rows[-1] |= {name: value for name, value in placed.items() if "pairs" in name}
    return rows


def consistency(quick: bool) -> list[dict[str, Any]]:
    """The same at three sizes; what counts is the ratio to the smallest."""
    sizes, fills = ((100, 200), 40) if quick else (SIZES, FILLS)
    rows: list[dict[str, Any]] = []
    for pairs in sizes:
        note(f"  {pairs:,} pairs live")
        with World(pairs, fills) as world:
            placed = world.server.load("singles", 1, 50 if quick else 2_000)
            world.fill("idle", fills)
            (found,) = world.rows()
        row: dict[str, Any] = {"live pairs": pairs}
        for name in ("p50", "p99", "p99.9"):
            row[f"place {name}, ms"] = placed[f"{name}, ms"]
            row[f"report to recall {name}, ms"] = found[f"report to recall {name}, ms"]
        for name, value in list(row.items())[1:] if rows else ():
            row[f"{name.removesuffix(', ms')}, ratio"] = round(value / rows[0][name], 2)
        rows.append(row)
    return rows


def note(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
