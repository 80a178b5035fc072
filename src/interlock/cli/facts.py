"""``interlock facts``: what a journal says, fact by fact, also while it is being written.

Decides how a fact reads on one line. Invariant: the journal is only read, without its lock.
"""

import difflib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, get_args

import msgspec
from cyclopts import Parameter

from interlock.cli.errors import BadInput
from interlock.cli.journal_key import key_of
from interlock.cli.text import time_text
from interlock.journal.database import NAME
from interlock.journal.frames import decode_facts
from interlock.journal.reader import SqliteReader
from interlock.orders.documents import Document
from interlock.orders.facts import Fact
from interlock.orders.wire import FactWire

LOOK_EVERY_S = 0.2
"""Between two looks at a journal that is followed."""
HEAD = ("event_seq", "at", "type", "order_id", "client_order_id", "leg")
LONG = ("order", "policy", "rules", "digest", "valid_until", "venue_id")
"""What a line has no room for; ``--json`` has it."""
KINDS = tuple(kind.__name__ for kind in get_args(Fact))

Folder = Annotated[Path, Parameter(help="The journal's folder.")]
OrderId = Annotated[
    str | None, Parameter(name="--order", help="Only of this order: its id or client order id.")
]
Json = Annotated[bool, Parameter(negative="", help="JSON instead of text for people.")]


def facts(
    folder: Folder,
    *,
    order: OrderId = None,
    kind: Annotated[
        list[str] | None,
        Parameter(name="--type", negative="", help="Only facts of this type; may be repeated."),
    ] = None,
    follow: Annotated[
        bool, Parameter(negative="", help="Wait for more, until interrupted with Ctrl-C.")
    ] = False,
    json: Json = False,
) -> int:
    """Print the facts of a journal.

    For example:

        interlock facts ./j --order wheat-42

        interlock facts ./j --type LegTriggered --type VenueOrderFilled

        interlock facts ./j --follow --json
    """
    for name in kind or ():
        if name not in KINDS:
            near = difflib.get_close_matches(name, KINDS, n=1, cutoff=0.5)
            way_out = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(KINDS)}."
            raise BadInput(f"--type {name}: there is no such fact. {way_out}")
    reader = open_reader(folder)
    try:
        for document in _documents(reader, follow):
            if kind and document["type"] not in kind:
                continue
            if order and order not in (document.get("order_id"), document.get("client_order_id")):
                continue
            print(
                msgspec.json.encode(document).decode() if json else fact_text(document),
                flush=follow,
            )
    finally:
        reader.close()
    return 0


def open_reader(folder: Path) -> SqliteReader:
    """The journal of a folder, to be read."""
    if not (folder / NAME).is_file():
        raise BadInput(
            f"{folder}: there is no journal here. Make one with: interlock replay ... --journal "
            f"{folder}"
        )
    return SqliteReader(folder, key=key_of(folder))


def _documents(reader: SqliteReader, follow: bool) -> Iterator[Document]:
    wire = FactWire()
    n = 1
    while True:
        for frame in reader.read(n):
            for seq, fact in enumerate(decode_facts(frame.payload), frame.first_seq):
                yield wire.document(seq, fact)
            n = frame.n + 1
        if not follow:
            return
        time.sleep(LOOK_EVERY_S)


def fact_text(document: Document) -> str:
    """One fact on one line: when, what, about whom, and its other fields."""
    at = document["at"]
    assert isinstance(at, int)
    name = document.get("client_order_id") or document.get("order_id") or ""
    whom = f"{name}.{document['leg']}" if isinstance(document.get("leg"), str) else str(name)
    parts = [f"{document['event_seq']:>6} {time_text(at)}", f"{document['type']:<22}", whom]
    for field, value in document.items():
        if field not in HEAD and field not in LONG and value is not False:
            plain = isinstance(value, str | int)
            text = value if plain else msgspec.json.encode(value).decode()
            parts.append(f"{field}={text}")
    return " ".join(part for part in parts if part)
