"""Metrics: what the server did and how it is, for Prometheus.

Decides what is counted and by what. Invariant: labels come from routes and codes, never from what a
client sends, so that nobody can make their number grow.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from interlock.api.desk import Desk
from interlock.api.route import Asked, Reply, Route

BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


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
        return generate_latest(self._registry)


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
