"""``interlock demo --serve``: serve, place, watch, in one terminal, on the real API.

Decides what is placed and when it is over. Invariant: whatever ends it, the server is stopped and
its folder is gone.
"""

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

from rich.console import Console

from interlock.cli.board import Board
from interlock.cli.errors import Exit, WorldTrouble
from interlock.cli.looking import story
from interlock.cli.text import out, time_text
from interlock.cli.watch import follow, show, tell
from interlock.client import (
    Client,
    Fact,
    InterlockError,
    Message,
    bracket,
    from_entry,
    limit,
    market,
    oco,
    stop,
)
from interlock.client.words import Node

SYMBOL = "BTCUSDT.PAPER"
SPEED = 60.0
LONGEST_S = 180.0
"""A market that never reaches any exit by then is left; what is open is closed first."""
STARTING_S, STOPPING_S = 30.0, 15.0
URL = re.compile(r"API +(http://\S+)/v1")
PASSWORD = re.compile(r"shown this once: (\S+)")
NEXT = (
    "interlock serve                        a server that stays, on data that stay",
    "interlock keys create me --scopes read,trade --save default",
    "interlock place --buy 0.5 BTCUSDT.PAPER --take-profit +3% --stop-loss -1%",
    "interlock watch                        README.md has the same with curl and with Python",
)


def demo_serve(seed: int, speed: float, plain: bool) -> int:
    console = out()
    try:
        with ended_as_by_ctrl_c(), served(seed, speed, console) as (url, password):
            with Client(url, "", "") as admin:
                admin.login(password)
                made = admin.keys.make("demo", ["read", "trade"])
                admin.logout()
            console.print(f"A key for trading and reading: {made.key.id}")
            with Client(url, made.key.id, made.secret) as client:
                trade(client, console, plain or not console.is_terminal)
    except KeyboardInterrupt:
        console.print("Interrupted. The server is stopped, and its folder is gone.")
        return Exit.INTERRUPTED
    except InterlockError as error:
        raise WorldTrouble(f"the demonstration ended early: {error}") from error
    console.print("\nThe server is stopped, and its folder is gone. To go on:")
    for line in NEXT:
        console.print(f"  {line}")
    return Exit.OK


def trade(client: Client, console: Console, plain: bool) -> None:
    """A bracket and a straddle, from their placing until both are done."""
    last = first_price(client)
    ids = []
    for name, node in (("bracket", protected()), ("straddle", straddle(last))):
        placed = client.place(node, name)
        ids.append(placed.order_id)
        console.print(f"placed {name}: {placed.order_id}")
    messages = until_done(follow(client, None, None), client, ids)
    if plain:
        tell(messages, console, json=False)
    else:
        show(messages, Board(client, "interlock demo: Ctrl-C ends it"), console)
    for order_id in ids:
        found = client.order(order_id)
        console.print(f"\n{found.client_order_id} ({order_id}) is {found.status}:")
        for at, what in story(found):
            console.print(f"  {time_text(at)[11:]}  {what}")


def protected() -> Node:
    """Bought at the market, with a target and a stop around its average entry."""
    return bracket(
        entry=market(buy="0.5", instrument=SYMBOL, id="entry"),
        take_profit=limit(from_entry(bps=30), id="take_profit"),
        stop_loss=stop(from_entry(bps=-20), id="stop_loss"),
    )


def straddle(last: int) -> Node:
    """A breakout to either side; the first one cancels the other and has exits of its own."""

    def side(name: str, price: int, **quantity: str) -> Node:
        entry = stop(price, instrument=SYMBOL, id=name, **quantity)  # type: ignore[arg-type]
        return bracket(
            entry=entry,
            take_profit=limit(from_entry(bps=20), id=f"{name}_target"),
            stop_loss=stop(from_entry(bps=-20), id=f"{name}_stop"),
        )

    return oco(
        side("up", last * 1001 // 1000 + 1, buy="0.2"),
        side("down", last * 999 // 1000 - 1, sell="0.2"),
        on_partial_fill="cancel",
    )


def first_price(client: Client) -> int:
    end = time.monotonic() + STARTING_S
    while time.monotonic() < end:
        for instrument in client.instruments():
            if instrument.symbol == SYMBOL and instrument.last and instrument.ask:
                return int(instrument.last)
        time.sleep(0.05)
    raise WorldTrouble("the market did not begin")


def until_done(
    messages: Iterator[Message | None], client: Client, ids: list[str]
) -> Iterator[Message | None]:
    """Everything until all are done; when it takes too long, positions are closed."""
    end = time.monotonic() + LONGEST_S
    left = {order_id for order_id in ids if not client.order(order_id).done}
    closed = False
    while left:
        message = next(messages)
        yield message
        if isinstance(message, Fact) and message.type == "OrderDone":
            left.discard(message.order_id)
        if time.monotonic() > end and not closed:
            closed = True
            for order_id in left:
                client.cancel(order_id, exposure="flatten")


@contextmanager
def served(seed: int, speed: float, console: Console) -> Iterator[tuple[str, str]]:
    """A server of its own process and folder: where it listens, and its admin password."""
    with ExitStack() as ending:
        folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="interlock-demo-"))
        errors = Path(folder) / "errors.txt"
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "interlock", "serve", "--port", "0"),
                *("--data", folder, "--market", f"generated:{seed}", "--speed", str(speed)),
            ],
            stdout=subprocess.PIPE,
            stderr=ending.enter_context(errors.open("wb")),
            text=True,
            start_new_session=True,  # Ctrl-C is for this process, which then stops the server
        )
        ending.callback(stopped, server)
        found = greeting(server, errors)
        console.print(f"A server in {folder}: {found[0]} ({speed:g} times real time)")
        ending.callback(missed, server, errors)
        yield found


def missed(server: "subprocess.Popen[str]", errors: Path) -> None:
    """A server that ended before it was asked to says why, whatever else went wrong because of it.

    Raises ``WorldTrouble``.
    """
    if server.poll() is not None:
        raise WorldTrouble(f"the server ended by itself: {errors.read_text().strip()}")


def greeting(server: "subprocess.Popen[str]", errors: Path) -> tuple[str, str]:
    url = password = ""
    assert server.stdout is not None
    for line in server.stdout:
        url = match[1] if (match := URL.search(line)) else url
        password = match[1] if (match := PASSWORD.search(line)) else password
        if url and password:
            return url, password
    raise WorldTrouble(f"the server did not start: {errors.read_text().strip()}")


def stopped(server: "subprocess.Popen[str]") -> None:
    """Asked to stop, and made to when it does not; a second Ctrl-C does not leave it behind."""
    with suppress(ProcessLookupError):
        server.terminate()
    try:
        server.communicate(timeout=STOPPING_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        server.kill()
        server.communicate()


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """SIGTERM and a closed terminal end it as Ctrl-C does: with everything cleaned up."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, was in before.items():
            signal.signal(number, was)
