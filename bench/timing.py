"""Timing: medians with their spread, in one process, with the collector out of the way."""

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

ROUNDS = 7


def spread(values: list[float], unit: str) -> str:
    """``median unit [least .. most]``."""
    middle = statistics.median(values)
    return f"{middle:,.2f} {unit} [{min(values):,.2f} .. {max(values):,.2f}]"


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


def once_ns(work: Callable[[], Any]) -> float:
    before = time.perf_counter_ns()
    work()
    return float(time.perf_counter_ns() - before)
