"""Every venue passes the port's contract: the paper exchange with whatever capabilities it is
given, the paper venue over its socket, and both markets of Binance over doubles of them.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec.structs import asdict, replace
from tests.sandbox.house import sandbox, spot_sandbox
from tests.venues import contract_of_health, contract_of_lists
from tests.venues.stages import (
    ORDERS_10S,
    TRADED,
    BinanceStage,
    DoubleStage,
    LinkStage,
    PaperStage,
    Port,
    RemoteStage,
    SpotStage,
    Stage,
)
from tests.venues.venue_contract import CASES, Case, lacks

from interlock.api.serving import PAPER
from interlock.market.course import Course
from interlock.orders.capabilities import Capabilities, IdPromise
from interlock.venues.binance import futures, spot

for more in (contract_of_health, contract_of_lists):
    assert more.__doc__, "its cases are among all of them"
SETS = {
    "everything": Capabilities(native_oco=True, native_stop=True, native_amend=True, iceberg=True),
    "plain": Capabilities(),
    "stops": Capabilities(native_stop=True, id_promise=IdPromise.UNIQUE_WHILE_OPEN),
    "amends": Capabilities(native_amend=True, reduce_only=False),
    "least": Capabilities(reduce_only=False, post_only=False, id_promise=IdPromise.NONE),
    "reduces": Capabilities(native_oco=True, native_oto=True, native_stop=True, native_reduce=True),
    "separate": replace(futures.CAPABILITIES, fills_since=False),
}
VENUES: dict[str, tuple[Port, Capabilities]] = {
    **{f"paper-{name}": (Port.VENUE, can) for name, can in SETS.items()},
    "paper-link": (Port.REMOTE, PAPER),
    "binance-futures": (Port.SHARED, futures.CAPABILITIES),
    "binance-spot": (Port.SHARED, spot.CAPABILITIES),
}
"""A venue is asked what its protocol has; what its capabilities lack is skipped by name."""
TABLED = {
    "paper": PAPER,
    "Binance USD-M": futures.CAPABILITIES,
    "Binance Spot": spot.CAPABILITIES,
}
"""The columns of the table in the documents."""


def plays() -> list[object]:
    found = []
    for name, (port, can) in VENUES.items():
        for one in CASES:
            if one.port > port:
                continue
            lacking = lacks(one, can)
            reason = f"{name} is without the capability {lacking}"
            marks = [pytest.mark.skip(reason=reason)] if lacking else []
            found.append(pytest.param(name, one, id=f"{name}-{one}", marks=marks))
    return found


Stages = Callable[[str, bool], Stage]


@pytest.fixture(scope="module")
def stages() -> Iterator[Stages]:
    """A stage for a case; a double of Binance is one for all of them, in each position mode."""
    with ExitStack() as ending:
        lasting: dict[tuple[str, bool], DoubleStage] = {}

        def binance(name: str, hedge: bool) -> DoubleStage:
            if (name, hedge) not in lasting:
                course = Course(1)
                course.instruments = (TRADED,)
                enter = ending.enter_context
                if name == "binance-spot":
                    lasting[name, hedge] = SpotStage(enter(spot_sandbox(course, ORDERS_10S)))
                else:
                    lasting[name, hedge] = BinanceStage(enter(sandbox(hedge, course)), hedge)
                ending.callback(lasting[name, hedge].end)
            return lasting[name, hedge]

        def made(name: str, hedge: bool) -> Stage:
            if name.startswith("binance"):
                return binance(name, hedge)
            if name == "paper-link":
                return LinkStage(PAPER, hedge)
            return PaperStage(SETS[name.removeprefix("paper-")], hedge)

        yield made


@pytest.mark.parametrize(("name", "one"), plays())
def test_contract(name: str, one: Case, stages: Stages) -> None:
    stage = stages(name, one.hedge)
    assert stage.venue.capabilities == VENUES[name][1]
    stage.begin(one.number)
    try:
        one.play(stage)
    finally:
        if isinstance(stage, RemoteStage) and not isinstance(stage, DoubleStage):
            stage.end()


def test_every_case_is_played_by_some_venue() -> None:
    assert all(
        any(one.port <= port and not lacks(one, can) for port, can in VENUES.values())
        for one in CASES
    )


def test_the_table_of_capabilities_is_what_the_venues_say() -> None:
    text = (Path(__file__).parents[2] / "docs/VENUES.md").read_text()
    section = text.split("## Capabilities")[1].split("\n## ")[0]
    head, *rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in re.findall(r"^\|.*\|$", section, re.MULTILINE)
        if "---" not in line
    ]
    assert head[1:] == list(TABLED)
    for place, can in enumerate(TABLED.values(), 1):
        assert {row[0]: row[place] for row in rows} == {
            name: {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
            for name, value in asdict(can).items()
        }
