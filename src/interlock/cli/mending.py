"""``interlock rebuild``, ``repair``, ``encrypt``, ``decrypt``: what is done to a journal at rest.

Decides nothing about what may be cut: a person says so, with a frame number that an error named.
Invariant: all hold the journal's lock, nothing is cut before a copy lies beside it, and a journal
is replaced only by a whole one.
"""

from typing import Annotated

from cyclopts import Parameter

from interlock.cli.errors import BadInput
from interlock.cli.facts import Folder, open_reader
from interlock.cli.journal_key import journal_key, key_of
from interlock.cli.text import err, out
from interlock.journal import repair as journal_repair
from interlock.journal.database import NAME as JOURNAL
from interlock.journal.database import encrypted
from interlock.journal.projection import NAME
from interlock.journal.rewriting import rewrite
from interlock.journal.sealed_projection import NAME as SEALED_NAME
from interlock.journal.sealed_projection import tables_of
from interlock.journal.sqlite import SqliteJournal


def rebuild(folder: Folder) -> int:
    """Make the projection (the tables that `interlock orders` reads) anew from the journal.

    For example:

        interlock rebuild ./j
    """
    open_reader(folder).close()
    notes = err()
    journal = SqliteJournal(folder, warn=notes.print, key=key_of(folder))
    try:
        projection = tables_of(folder, journal.sealer, notes.print)
        try:
            frames = projection.rebuild(journal)
            known = projection.tail.next_seq - 1
        finally:
            projection.close()
    finally:
        journal.close()
    name = NAME if journal.sealer is None else SEALED_NAME
    out().print(f"Rebuilt {folder / name} from {frames:,} commits ({known:,} facts).")
    return 0


def repair(
    folder: Folder,
    *,
    cut_at: Annotated[
        int,
        Parameter(help="The first frame to set aside; the message about the damage names it."),
    ],
) -> int:
    """Set aside every commit of a journal from one frame on, when damage stops its start.

    What is cut is kept in a file beside the journal. For example:

        interlock repair ./j --cut-at 1042
    """
    if cut_at < 1:
        raise BadInput(f"--cut-at {cut_at}: frames count from 1.")
    if not (folder / JOURNAL).is_file():
        raise BadInput(f"{folder}: there is no journal here.")
    aside = journal_repair.cut_at(folder, cut_at)
    out().print(f"Frames from {cut_at:,} on are set aside in {aside}.")
    return 0


def encrypt(folder: Folder) -> int:
    """Encrypt a journal that was begun without, with the server stopped.

    The master key is the one of the data folder the journal is in (INTERLOCK_MASTER_KEY, its key
    file, the OS keyring). Afterwards set journal.encrypt = true. For example:

        interlock encrypt ./desk/journal
    """
    open_reader(folder).close()
    if encrypted(folder):
        raise BadInput(f"{folder}: this journal is encrypted already.")
    frames = rewrite(folder, None, journal_key(folder))
    console = out()
    console.print(f"Encrypted {frames:,} commits in {folder}. Now set: journal.encrypt = true")
    if (folder.parent / "paper.db").exists():
        console.print("The server's next start encrypts the paper exchange's file as well.")
    console.print("A disk may keep what was deleted; only an encrypted disk does not.")
    for left in sorted(folder.glob("journal.cut-*")):
        console.print(f"Still plain, and for you to delete: {left}")
    return 0


def decrypt(folder: Folder) -> int:
    """Make an encrypted journal plain again, with the server stopped.

    Afterwards set journal.encrypt = false. For example:

        interlock decrypt ./desk/journal
    """
    if not (folder / JOURNAL).is_file():
        raise BadInput(f"{folder}: there is no journal here.")
    if not encrypted(folder):
        raise BadInput(f"{folder}: this journal is not encrypted.")
    frames = rewrite(folder, journal_key(folder), None)
    out().print(f"{frames:,} commits in {folder} are plain. Now set: journal.encrypt = false")
    return 0
