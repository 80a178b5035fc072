"""Timing: medians with their spread, in one process, with the collector out of the way."""

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

ROUNDS = 7

Figure = dict[str, Any]
"""``median``, ``least``, ``most`` and ``unit`` of one thing measured several times."""


def spread(values: list[float], unit: str) -> Figure:
    return {
        "median": round(statistics.median(values), 2),
        "least": round(min(values), 2),
        "most": round(max(values), 2),
        "unit": unit,
    }


def shown(value: Any) -> str:
    """``median unit [least .. most]`` of a figure; anything else as it is."""
    if not isinstance(value, dict):
        return f"{value:,}" if isinstance(value, int | float) else str(value)
    places = 0 if value["median"] >= 1000 else 2
    middle, low, high = (f"{value[k]:,.{places}f}" for k in ("median", "least", "most"))
    return f"{middle} {value['unit']} [{low} .. {high}]"


def ratio(one: Figure, other: Figure) -> float:
    return round(float(one["median"]) / float(other["median"]), 2)


def per_call_ns(work: Callable[[], int], rounds: int = ROUNDS) -> list[float]:
    """``work`` does something N times and returns N; ns per time, once per round."""
    out = []
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for _ in range(rounds):
            before = time.perf_counter_ns()
            count = work()
            out.append((time.perf_counter_ns() - before) / count)
    finally:
        gc.enable()
        gc.unfreeze()
    return out
