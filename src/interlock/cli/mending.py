"""``interlock rebuild`` and ``interlock repair``: a projection made anew, a damaged journal cut.

Decides nothing about what may be cut: a person says so, with a frame number that an error named.
Invariant: both hold the journal's lock, and nothing is cut before a copy lies beside it.
"""

from typing import Annotated

from cyclopts import Parameter

from interlock.cli.errors import BadInput
from interlock.cli.facts import Folder, open_reader
from interlock.cli.text import err, out
from interlock.journal import repair as journal_repair
from interlock.journal.database import NAME as JOURNAL
from interlock.journal.projection import NAME, Projection
from interlock.journal.sqlite import SqliteJournal


def rebuild(folder: Folder) -> int:
    """Make the projection (the tables that `interlock orders` reads) anew from the journal.

    For example:

        interlock rebuild ./j
    """
    open_reader(folder).close()
    notes = err()
    journal = SqliteJournal(folder, warn=notes.print)
    try:
        projection = Projection(folder / NAME, warn=notes.print)
        try:
            frames = projection.rebuild(journal)
            known = projection.tail.next_seq - 1
        finally:
            projection.close()
    finally:
        journal.close()
    out().print(f"Rebuilt {folder / NAME} from {frames:,} commits ({known:,} facts).")
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
