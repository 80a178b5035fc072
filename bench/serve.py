"""The server over its sockets, part by part. The server is its own process on the real entrance;
clients and the venue are others, on the same two cores.
"""

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from bench import recalls
from bench.goals import SERVED
from bench.processes import Served, Spoken

PAIRS, BATCH, SINGLES = 40_000, 500, 1_000
CROWD, FOLLOWED, FOLLOWED_BATCH = 1_000, 2_000, 100
Rows = list[dict[str, Any]]


def place(quick: bool) -> Rows:
    """Pairs per second over HTTP, signed and durable before their answer; single requests."""
    rows = []
    with Served() as server:
        for connections in (1,) if quick else (1, 2, 4):
            recalls.note(f"  batches on {connections} connections")
            pairs, before = 1_000 if quick else PAIRS, server.cpu_s()
            row = server.load("batches", connections, pairs, BATCH)
            row["us of the server per pair"] = round((server.cpu_s() - before) / pairs * 1e6, 1)
            rows.append(row)
        recalls.note("  single requests")
        singles = server.load("singles", 1, 50 if quick else SINGLES)
        empty = server.load("empty", 1, 50 if quick else SINGLES)
        rows += [singles, empty, {"server's memory, MB": round(server.memory_mb(), 1)}]
    ratio = round(singles["p50, ms"] / empty["p50, ms"], 2)
    rows.append({"single place to empty request, p50": ratio})
    return rows


def followers(quick: bool) -> Rows:
    """What a crowd that follows every fact is told, and what that takes from the writer."""
    crowd, pairs = (20, 200) if quick else (CROWD, FOLLOWED)
    rows: Rows = []
    for size in (0, crowd):
        recalls.note(f"  {size:,} followers")
        with Served() as server, ExitStack() as following:
            if size:
                told = (server.port, server.password, size, pairs)
                audience = following.enter_context(Spoken("bench.follow", *told))
                assert audience.hear() == "following"
            before = server.cpu_s()
            placed = server.load("batches", 1, pairs, FOLLOWED_BATCH)
            row = {"followers": size, **placed}
            if size:
                row |= json.loads(audience.hear())
                spent = server.cpu_s() - before
                row["us of the server per fact delivered"] = round(
                    spent / row["facts delivered"] * 1e6, 2
                )
            rows.append(row)
    rate_of = SERVED.replace("500", str(FOLLOWED_BATCH))
    rate = rows[0][rate_of] / rows[1][rate_of]
    rows.append({"writer slowed down by followers, times": round(rate, 2)})
    return rows


PARTS: dict[str, Callable[[bool], Rows]] = {
    "place": place,
    "recall": recalls.recall,
    "consistency": recalls.consistency,
    "followers": followers,
}


def run(quick: bool, parts: list[str] | None = None) -> Rows:
    rows: Rows = []
    for part in parts or PARTS:
        recalls.note(f"serve {part} ...")
        rows += [{"part": part, **row} for row in PARTS[part](quick)]
    return rows
