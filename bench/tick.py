"""What a tick costs: quiet, ratcheting, triggering; against a naive walk in the same run."""

from typing import Any

from bench import book
from bench.timing import per_call_ns, ratio, spread
from interlock.engine.decide import decide_tick as decide
from interlock.engine.state import State
from interlock.orders.facts import Channel
from interlock.orders.ticks import Quote, Trade

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
TICKS = 20_000
NAIVE_MAX = 10_000


def run(quick: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for size in SIZES[:2] if quick else SIZES:
        state = book.resting(size)
        quiet = spread(per_call_ns(lambda s=state: quiet_trades(s)), "ns")
        row = {
            "legs": size,
            "quiet trade": quiet,
            "ratio to 100 legs": ratio(quiet, rows[0]["quiet trade"] if rows else quiet),
            "quiet trades per second": round(1e9 / quiet["median"]),
            "quiet quote": spread(per_call_ns(lambda s=state: quiet_quotes(s)), "ns"),
            "index look alone": spread(per_call_ns(lambda s=state: looks(s)), "ns"),
            "ratchet of all trailing": spread(per_call_ns(lambda s=state: ratchets(s)), "ns"),
        }
        if size <= NAIVE_MAX:
            walk = spread(per_call_ns(lambda s=state: naive(s), 3), "ns")
            row["naive walk"] = walk
            row["naive walk to quiet trade"] = ratio(walk, quiet)
        rows.append(row)
    for count in (1, 100) if quick else (1, 100, 10_000):
        rows.append(triggering(count, quick))
    return rows


def quiet_trades(state: State) -> int:
    price = book.MID - 4_999 - 1_000
    ticks = [Trade(book.SYMBOL, book.AT, price + n % 900, 1) for n in range(TICKS)]
    for tick in ticks:
        decide(state, tick, book.AT)
    return TICKS


def quiet_quotes(state: State) -> int:
    price = book.MID - 6_000
    ticks = [
        Quote(book.SYMBOL, book.AT, price + n % 900, 1, price + n % 900 + 5, 1)
        for n in range(TICKS)
    ]
    for tick in ticks:
        decide(state, tick, book.AT)
    return TICKS


def looks(state: State) -> int:
    """The index's own part of a quiet tick."""
    channel = state.channel(book.SYMBOL, Channel.LAST)
    price = book.MID - 6_000
    for _ in range(TICKS):
        if not channel.low < price < channel.high:
            raise AssertionError("the tick is not quiet")
    return TICKS


_PEAK = [book.MID]


def ratchets(state: State) -> int:
    """Each tick is a new high: every trailing stop moves."""
    rounds = 500
    for _ in range(rounds):
        _PEAK[0] += 1
        decide(state, Trade(book.SYMBOL, book.AT, _PEAK[0], 1), book.AT)
    decide(state, Trade(book.SYMBOL, book.AT, _PEAK[0] - 10, 1), book.AT)
    return rounds


def naive(state: State) -> int:
    """The same legs looked at one by one, as little as can be done per leg."""
    levels = []
    for order in state.orders.sketches():
        terms = order.legs[0].terms
        levels.append((terms.trigger_price, terms.trail.ticks if terms.trail else 0))
    price, hits, rounds = book.MID - 6_000, 0, 20
    for _ in range(rounds):
        for level, offset in levels:
            if offset:
                if price <= book.MID - offset:
                    hits += 1
            elif price <= level:
                hits += 1
    assert hits == 0
    return rounds


def triggering(count: int, quick: bool) -> dict[str, Any]:
    """A tick that makes ``count`` of 100 000 legs due: trigger, facts, venue order, per leg.

    Several such ticks one after the other, at falling prices, so that one is not measured cold.
    """
    rest = 1_000 if quick else 100_000
    ticks = max(1, 100 // count)
    costs = []
    for _ in range(3):
        state = book.resting(rest)
        for number in range(count * ticks):
            book.place(state, book.stop(10_000_000 + number, 2_950_000 - number // count))

        def fire(full: State = state) -> int:
            sent = 0
            for number in range(ticks):
                tick = Trade(book.SYMBOL, book.AT, 2_950_000 - number, 1)
                sent += len(decide(full, tick, book.AT).requests)
            assert sent == count * ticks
            return sent

        costs += per_call_ns(fire, 1)
    return {"tick triggers": count, "of resting": rest, "per leg": spread(costs, "ns")}
