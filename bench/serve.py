"""The server over its sockets, part by part. The server is its own process on the real entrance;
clients and the venue are others, on the same two cores.
"""

from collections.abc import Callable
from typing import Any

from bench import recalls
from bench.processes import Served

PAIRS, BATCH, SINGLES = 40_000, 500, 1_000
Rows = list[dict[str, Any]]


def place(quick: bool) -> Rows:
    """Pairs per second over HTTP, signed and durable before their answer; single requests."""
    rows = []
    with Served() as server:
        for connections in (1,) if quick else (1, 2, 4):
            recalls.note(f"  batches on {connections} connections")
            rows.append(server.load("batches", connections, 1_000 if quick else PAIRS, BATCH))
        recalls.note("  single requests")
        singles = server.load("singles", 1, 50 if quick else SINGLES)
        empty = server.load("empty", 1, 50 if quick else SINGLES)
        rows += [singles, empty, {"server's memory, MB": round(server.memory_mb(), 1)}]
    ratio = round(singles["p50, ms"] / empty["p50, ms"], 2)
    rows.append({"single place to empty request, p50": ratio})
    return rows


PARTS: dict[str, Callable[[bool], Rows]] = {
    "place": place,
    "recall": recalls.recall,
    "consistency": recalls.consistency,
}


def run(quick: bool, parts: list[str] | None = None) -> Rows:
    rows: Rows = []
    for part in parts or PARTS:
        recalls.note(f"serve {part} ...")
        rows += [{"part": part, **row} for row in PARTS[part](quick)]
    return rows
