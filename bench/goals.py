"""The design's figures, and how far each is reached by what was measured in this run."""

from typing import Any

SERVED = "pairs per second, batches of 500, over HTTP"
RECALLED = {"idle": (1, 0.5), "placing": (5, 2.5)}
Rows = list[dict[str, Any]]


def goals(measured: dict[str, Rows]) -> Rows:
    """One line per figure of the design that exists so far and was measured now."""
    out: Rows = []
    if "tick" in measured:
        out += _ticks({row["legs"]: row for row in measured["tick"] if "legs" in row})
    if "place" in measured:
        row = next(r for r in measured["place"] if r.get("batch") == 500)
        out.append(
            _goal(
                "OCO pairs durable per second, batches of 500, in process",
                row["durable"],
                None,
                100_000,
                "more",
            )
        )
    out += _served(measured.get("serve", []))
    if "memory" in measured:
        size = measured["memory"][0]["bytes per pair"]
        out.append(_goal("bytes per live OCO pair", size, 2048, 1024, "less"))
    if "recover" in measured:
        for row in measured["recover"]:
            what = f"recovery of {row['live orders']:,} live orders, {row['from']}, s"
            out.append(_goal(what, row["seconds"], 5, 2, "less"))
    return out


def _ticks(rows: dict[int, dict[str, Any]]) -> Rows:
    out = []
    for legs, reach, beyond in ((100_000, 1.5, None), (1_000_000, None, 2)):
        if legs in rows:
            what = f"quiet tick, {legs:,} legs against 100, ratio"
            out.append(_goal(what, rows[legs]["ratio to 100 legs"], reach, beyond, "less"))
    if 100_000 in rows:
        row = rows[100_000]
        rate, ratchet = row["quiet trades per second"], row["ratchet of all trailing"]
        out.append(
            _goal("quiet ticks per second, 100,000 legs", rate, 1_000_000, 3_000_000, "more")
        )
        out.append(_goal("tick ratcheting all of 100,000, ns", ratchet, 5_000, 2_000, "less"))
    return out


def _served(rows: Rows) -> Rows:
    out = []
    rates = [row[SERVED] for row in rows if SERVED in row]
    if rates:
        what = "OCO pairs accepted per second over HTTP, batches of 500, signed and durable"
        out.append(_goal(what, max(rates), 50_000, 100_000, "more"))
    for row in rows:
        if row.get("server") == "as it is":
            what = (
                f"fill report to recall, {row['live pairs']:,} pairs live, {row['while']}, p99, ms"
            )
            reach, beyond = RECALLED[row["while"]]
            out.append(_goal(what, row["report to recall p99, ms"], reach, beyond, "less"))
    return out


def _goal(
    what: str, found: Any, reach: float | None, beyond: float | None, better: str
) -> dict[str, Any]:
    value = found["median"] if isinstance(found, dict) else found

    def met(goal: float | None) -> bool:
        return goal is not None and (value >= goal if better == "more" else value <= goal)

    reached = "beyond" if met(beyond) else "reach" if met(reach) else "no"
    return {"figure": what, "value": found, "reach": reach, "beyond": beyond, "reached": reached}
