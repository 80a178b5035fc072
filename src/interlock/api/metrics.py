"""Metrics: what the server did and how it is, for Prometheus.

Decides what is counted and by what. Invariant: labels come from routes and codes, never from what a
client sends, so that nobody can make their number grow.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from interlock.api.desk import Desk
from interlock.api.route import Asked, Reply, Route
from interlock.venues.port import VenueHealth

SECOND_NS: Final = 1_000_000_000
BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

VENUE: Final = {
    "connected": "1 while there is a connection",
    "since_seconds": "When the connection came or went, Unix time",
    "heard_seconds": "When the venue last said anything, Unix time",
    "clock_ahead_seconds": "By how much its clock is ahead of ours",
    "weight_used": "Request weight used in the minute that runs",
    "weight_limit": "Request weight of a minute",
    "blocked_until_seconds": "No request is taken before this, Unix time; 0 when they are",
}


class Metrics:
    """One server's own registry."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "interlock_requests", "Requests answered", ("route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "interlock_request_seconds",
            "From a request's first byte read to its answer",
            ("route",),
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._venues = {
            name: Gauge(f"interlock_venue_{name}", text, ("venue",), registry=self._registry)
            for name, text in VENUE.items()
        }
        self._gauges = {
            name: Gauge(f"interlock_{name}", text, registry=self._registry)
            for name, text in (
                ("journal_frames", "Commits in the journal"),
                ("facts", "Facts in the journal"),
                ("orders", "Orders in memory"),
                ("inbox", "Inputs waiting for their turn"),
                ("streams", "Followers of the log"),
                ("venues_down", "Venues that are not connected"),
            )
        }

    def answered(self, route: Route, status: int, seconds: float) -> None:
        name = f"{route.method} {route.path}"
        self._requests.labels(name, str(status)).inc()
        self._seconds.labels(name).observe(seconds)

    def page(self, desk: Desk, streams: int) -> bytes:
        line = desk.live.line
        values = {
            "journal_frames": line.commits.tail.n,
            "facts": line.state.seq,
            "orders": len(line.state.orders),
            "inbox": len(line.inbox),
            "streams": streams,
            "venues_down": sum(line.state.down.values()),
        }
        for name, value in values.items():
            self._gauges[name].set(value)
        for venue in line.venues.values():
            for name, found in measured(venue.health()).items():
                if found is not None:
                    self._venues[name].labels(venue.name).set(found)
        return generate_latest(self._registry)


def measured(health: VenueHealth) -> dict[str, float | None]:
    """By the names of ``VENUE``; None for what this kind of connection has not."""
    ahead_ms = health.clock_ahead_ms
    return {
        "connected": int(health.connected),
        "since_seconds": health.since / SECOND_NS,
        "heard_seconds": health.heard_at / SECOND_NS,
        "clock_ahead_seconds": None if ahead_ms is None else ahead_ms / 1_000,
        "weight_used": health.weight_used,
        "weight_limit": health.weight_limit,
        "blocked_until_seconds": health.blocked_until / SECOND_NS,
    }


class Health:
    """Whether the process lives, and whether it is ready for orders."""

    def __init__(self, desk: Desk, environment: str) -> None:
        self._desk = desk
        self._environment = environment

    async def live(self, asked: Asked) -> Reply:
        return Reply({"status": "ok", "environment": self._environment})

    async def ready(self, asked: Asked) -> Reply:
        line = self._desk.live.line
        why = []
        if self._desk.live.over:
            why.append("the line has ended")
        if line.recovering:
            why.append("venues are being asked what became of open orders")
        why += [f"{venue} is not connected" for venue, down in line.state.down.items() if down]
        document = {"status": "not ready" if why else "ready", "because": why}
        return Reply(document, 503 if why else 200)
