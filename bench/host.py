"""The server of ``serve``: the product's own, with switches, and with a stopwatch at the venue.

``python -m bench.host FOLDER [--venue PORT] [--slice N] [--collector default]``. Says PORT and the
admin password; at its end, one line of JSON: for each order whose leg was recalled the moment
before its fill report was read from the venue's socket and the moment after the recall was written
to it, ns of the machine's monotonic clock.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import uvloop

from bench.fills import order_of
from interlock.api.access.limits import Rate
from interlock.api.access.opening import Access, AccessSettings
from interlock.api.logs import Log
from interlock.api.route import Budget
from interlock.api.serving import PAPER, Server, Settings
from interlock.market.course import Course
from interlock.orders.requests import CancelVenueOrder, Request
from interlock.runtime.embedded import Embedded
from interlock.runtime.live import SLICE
from interlock.venues.paper.link import Link
from interlock.venues.port import RemoteVenue

UNLIMITED = Rate(10_000_000, 10_000_000)


class Timed(Link):
    """The product's own link, with the moments written down."""

    read_at = 0

    def note(self) -> None:
        self.recalls: dict[str, list[int]] = {}

    def _read(self) -> None:
        self.read_at = time.monotonic_ns()
        super()._read()

    def send(self, request: Request, at: int) -> None:
        super().send(request, at)
        if isinstance(request, CancelVenueOrder):
            moments = [self.read_at, time.monotonic_ns()]
            self.recalls.setdefault(order_of(request.client_id), moments)


class Host(Server):
    def _made(self) -> Embedded | RemoteVenue:
        if self.settings.venue is None:
            return super()._made()
        link = Timed("PAPER", self.settings.venue, PAPER, self.now, self.settings.told)
        link.note()
        return link

    def close(self) -> None:
        """Without bringing the tables up to date first: nobody asks for them any more."""
        self.projection.close()
        self.journal.close()
        if self.memory is not None:
            self.memory.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.host", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--venue", type=int)
    parser.add_argument("--slice", type=int, default=SLICE)
    parser.add_argument("--collector", choices=("calm", "default"), default="calm")
    given = parser.parse_args()
    access = Access(
        *(given.folder, {}, time.time_ns),
        AccessSettings(rates=dict.fromkeys(Budget, UNLIMITED)),
    )
    password = access.admin.first_password()
    server = Host(
        Settings(
            *(given.folder, Course(1)),
            port=0,
            venue=None if given.venue is None else ("127.0.0.1", given.venue),
            slice=given.slice,
            calm=given.collector == "calm",
            log=Log(sys.stderr, "warning"),
        ),
        access,
    )
    uvloop.run(server.run(lambda up: say(f"{up.port} {password}")))
    access.close()
    link = server.venue
    say(json.dumps(link.recalls if isinstance(link, Timed) else {}))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
