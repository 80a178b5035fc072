"""Limits: how often a key may ask, apart for placing, protecting, killing and reading.

Decides which request is one too many. Invariant: each budget is its own bucket, so that placements,
however many, never take the right to cancel; all arithmetic is in integers.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

from msgspec import Struct

from interlock.api.route import Budget

BUCKETS_MAX: Final = 10_000
SECOND: Final = 10**9


class Rate(Struct, frozen=True):
    """Tokens that come back a second, and how many there are at most."""

    per_second: int
    burst: int


KILLING: Final = Rate(5, 50)
"""No setting moves it: a person in trouble must not find it too small, nor find it used up."""
DEFAULTS: Final[Mapping[Budget, Rate]] = {
    Budget.PLACING: Rate(200, 1_000),
    Budget.PROTECTING: Rate(200, 1_000),
    Budget.KILLING: KILLING,
    Budget.READING: Rate(100, 500),
}


class Allowance(Struct, frozen=True):
    """The answer, as its headers will say it. Seconds are rounded up."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    """Until the bucket is full."""
    retry_after_s: int
    """Until the same request is allowed; 0 if it was."""


class _Bucket(Struct):
    level: int
    """Tokens times a second in nanoseconds; below nothing after a large batch."""
    at: int


class Limits:
    """Token buckets by key and budget."""

    def __init__(
        self,
        now: Callable[[], int],
        rates: Mapping[Budget, Rate] = DEFAULTS,
        buckets_max: int = BUCKETS_MAX,
    ) -> None:
        assert all(rates[one].per_second > 0 and rates[one].burst > 0 for one in Budget)
        self._now = now
        self._rates = dict(rates)
        self._max = buckets_max
        self._lock = Lock()
        self._buckets: OrderedDict[tuple[str, Budget], _Bucket] = OrderedDict()

    def take(self, key_id: str, budget: Budget, cost: int = 1) -> Allowance:
        """Take ``cost`` tokens, all or none; a batch of orders costs one for each.

        A batch larger than the burst is taken when the bucket is full, and leaves a debt: the mean
        rate holds, and no batch is too large for ever.
        """
        rate, now = self._rates[budget], self._now()
        full, wanted = rate.burst * SECOND, cost * SECOND
        with self._lock:
            name = (key_id, budget)
            bucket = self._buckets.get(name)
            if bucket is None:
                bucket = self._buckets[name] = _Bucket(full, now)
                if len(self._buckets) > self._max:
                    self._buckets.popitem(last=False)
            else:
                self._buckets.move_to_end(name)
                if now > bucket.at:  # a clock that was set back gives nothing, and takes nothing
                    bucket.level = min(full, bucket.level + (now - bucket.at) * rate.per_second)
                bucket.at = now
            short = min(wanted, full) - bucket.level
            if short <= 0:
                bucket.level -= wanted
            level = bucket.level
        return Allowance(
            short <= 0,
            rate.burst,
            max(0, level // SECOND),
            _seconds(full - level, rate),
            _seconds(short, rate) if short > 0 else 0,
        )


def _seconds(missing: int, rate: Rate) -> int:
    """How long it takes until so much has come back, rounded up."""
    return -(-missing // (rate.per_second * SECOND))
