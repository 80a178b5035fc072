"""``interlock sandbox``: wire-level doubles of venues on loopback, to rehearse on.

Decides what is served and what is said about it. Invariant: nothing here reaches a real exchange.
"""

import asyncio
import signal
import sys
from typing import Annotated

import uvloop
from cyclopts import App, Parameter

from interlock.api.config import Market
from interlock.cli.errors import BadInput, WorldTrouble
from interlock.cli.serve import course_of
from interlock.cli.text import out
from interlock.sandbox.binance.serving import HOST, KEY, SECRET, Sandbox

PORT_MAX = 65_535

sandbox = App(name="sandbox", help="Doubles of real venues on this machine, to rehearse on.")


@sandbox.command
def binance(
    *,
    futures: Annotated[
        int | None, Parameter(help="Port of USD-M Futures; 0 for any free one.")
    ] = None,
    spot: Annotated[int | None, Parameter(help="Port of Spot; 0 for any free one.")] = None,
    hedge: Annotated[
        bool, Parameter(help="Begin in hedge mode: a long and a short side by side.")
    ] = False,
    market: Annotated[
        str, Parameter(help="generated[:SEED], or files of recorded markets separated by commas.")
    ] = "generated",
    speed: Annotated[float, Parameter(help="How many times real time.")] = 1.0,
    by_hand: Annotated[
        bool, Parameter(help="No market of its own: prices move through POST /sandbox/price.")
    ] = False,
) -> int:
    """Binance as a client meets it: REST, streams, signatures, limits and errors, without Binance.

    Point any client's addresses there. Faults are written beforehand, and people and accidents act,
    through POST /sandbox/...: see docs/SANDBOX.md.

        interlock sandbox binance --spot 18000 --futures 18001

        interlock sandbox binance --futures 0 --hedge --market generated:7 --speed 10
    """
    if futures is None and spot is None:
        raise BadInput("Name at least one exchange: --spot PORT, --futures PORT.")
    for name, port in (("--spot", spot), ("--futures", futures)):
        if port is not None and not 0 <= port <= PORT_MAX:
            raise BadInput(f"{name} {port}: a port is from 0 to {PORT_MAX}.")
    if speed <= 0:
        raise BadInput("--speed must be above zero.")
    course = course_of(Market(market, speed))
    try:
        made = Sandbox(course, futures, hedge, speed, by_hand, spot)
    except OSError as error:
        raise WorldTrouble(f"cannot listen on those ports of {HOST}: {error.strerror}") from error
    uvloop.run(served(made))
    return 0


async def served(made: Sandbox) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, made.stop)
    await made.run(greet)
    out().print("Stopped; nothing of it is kept.")


def greet(made: Sandbox) -> None:
    console = out()
    console.print("A double of Binance, on this machine only. Nothing is real, nothing is kept.")
    if made.spot is not None:
        at = f"{HOST}:{made.spot_port}"
        console.print(f"  Spot REST      http://{at}/api")
        console.print(f"  Spot streams   ws://{at}/ws  /stream  /ws-api/v3")
        console.print(f"  Spot control   http://{at}/sandbox/state")
    if made.futures is not None:
        at = f"{HOST}:{made.futures_port}"
        console.print(f"  USD-M REST     http://{at}/fapi")
        console.print(f"  USD-M streams  ws://{at}/private/ws  /public/ws  /market/ws")
        console.print(f"  control        http://{at}/sandbox/state")
    console.print(f"  key {KEY}  secret {SECRET}")
    console.print("Ctrl-C stops.")
    sys.stdout.flush()
