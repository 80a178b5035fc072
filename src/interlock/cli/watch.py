"""``interlock watch``: what happens at a server, live, on its stream.

Decides when watching is over. Invariant: a terminal gets a view that moves, a pipe gets one line
per fact, and both see every fact.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.live import Live

from interlock.cli.board import QUIET, Board, fact_line
from interlock.cli.connect import ProfileName, ServerJson, reading
from interlock.cli.errors import Exit
from interlock.cli.text import out
from interlock.client import Client, Fact, InterlockError, Message, Snapshot

FRAME_S = 0.2
Heard = Message | InterlockError


def watch(
    order: Annotated[
        str | None, Parameter(help="Only this order, until it is done: an id of either kind.")
    ] = None,
    *,
    account: Annotated[str | None, Parameter(help="Only of this account.")] = None,
    facts: Annotated[int | None, Parameter(help="End after so many facts.")] = None,
    plain: Annotated[
        bool, Parameter(negative="", help="Lines, also on a terminal; a pipe gets them anyway.")
    ] = False,
    profile: ProfileName = None,
    json: ServerJson = False,
) -> int:
    """Watch orders live: a moving view on a terminal, a line per fact in a pipe.

    For example:

        interlock watch

        interlock watch wheat-42

        interlock watch --json | jq .type
    """
    console = out()
    with reading(profile) as client:
        order_id, over = None, False
        if order is not None:
            found = client.order(order)
            order_id, over = found.order_id, found.done
        if over:
            console.print(f"{order} is done. Its story: interlock order {order}")
            return Exit.OK
        messages = until(follow(client, account, order_id), order_id, facts)
        try:
            if plain or json or not console.is_terminal:
                tell(messages, console, json)
            else:
                show(messages, Board(client, order or account or "market"), console)
        except KeyboardInterrupt:
            return Exit.INTERRUPTED
    return Exit.OK


def follow(client: Client, account: str | None, order_id: str | None) -> Iterator[Message | None]:
    """What the stream says, from a thread; nothing, now and then, when it says nothing."""
    heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()

    def listen() -> None:
        try:
            for message in client.stream(account=account, order_id=order_id):
                heard.put(message)
        except InterlockError as error:
            heard.put(error)
        except RuntimeError:
            return  # the client was closed: nobody watches any more

    threading.Thread(target=listen, daemon=True).start()
    while True:
        try:
            message = heard.get(timeout=FRAME_S)
        except queue.Empty:
            yield None
            continue
        if isinstance(message, InterlockError):
            raise message
        yield message


def until(
    messages: Iterator[Message | None], order_id: str | None, most: int | None
) -> Iterator[Message | None]:
    count = 0
    for message in messages:
        yield message
        if isinstance(message, Fact):
            count += 1
            if message.type == "OrderDone" and message.order_id == order_id:
                return
            if most is not None and count >= most:
                return
        elif (
            isinstance(message, Snapshot)
            and order_id is not None
            and order_id not in [line.order_id for line in message.orders]
        ):
            return  # done between the question and the snapshot


def tell(messages: Iterator[Message | None], console: Console, json: bool) -> None:
    for message in messages:
        if isinstance(message, Fact):
            if json:
                print(msgspec.json.encode(message.fields).decode(), flush=True)
            elif message.type not in QUIET:
                console.print(fact_line(message))
        elif isinstance(message, Snapshot) and not json:
            console.print(
                f"As of fact {message.event_seq}: {len(message.orders)} live orders, "
                f"{len(message.positions)} positions. Following."
            )


def show(
    messages: Iterator[Message | None],
    board: Board,
    console: Console,
    ended: Callable[[], bool] = lambda: False,
) -> None:
    with Live(console=console, screen=True, auto_refresh=False) as live:
        for message in messages:
            if message is not None:
                board.hear(message)
            if message is None or board.due():
                board.look()
                live.update(board.drawn(console.height), refresh=True)
            if ended():
                return
        board.look()
    console.print(board.drawn(console.height))
