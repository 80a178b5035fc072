"""The mark: a witness beside the journal of how far it has come.

Decides whether a journal has become shorter than it was. A log cut off between two commits, or a
last commit gone bad, looks like a torn write from the inside; only somebody outside can tell.
Written after each commit and never synced: it lives through any death of the process, and after
one of the machine it may be behind. Invariant: it is never ahead of what is durable.
"""

import os
import struct
from hashlib import blake2b
from pathlib import Path

from interlock.journal.errors import JournalUnavailable

NAME = "journal.mark"
SEAL_LEN = 16
_NUMBER = struct.Struct("<Q")


class Mark:
    """``n`` is the frame it remembered when it was opened, 0 if it knew none."""

    def __init__(self, folder: Path) -> None:
        try:
            self._fd = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise JournalUnavailable(
                f"cannot write to the journal's folder {folder}: {error.strerror}"
            ) from error
        self.n = _read(os.pread(self._fd, _NUMBER.size + SEAL_LEN, 0))

    def move(self, n: int) -> None:
        """Frame ``n`` is durable. Cheap: about 2 us, over the same bytes again."""
        head = _NUMBER.pack(n)
        try:
            os.pwrite(self._fd, head + _seal(head), 0)
        except OSError:
            # The commit stands all the same; a witness that lags behind says nothing false.
            return

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def forget(folder: Path) -> None:
    """A person has cut the journal: what was there before is no measure any more."""
    (folder / NAME).unlink(missing_ok=True)


def _read(data: bytes) -> int:
    """A mark that is damaged knows nothing; it must not stop a journal that is whole."""
    head, seal = data[: _NUMBER.size], data[_NUMBER.size :]
    if len(head) != _NUMBER.size or seal != _seal(head):
        return 0
    return int(_NUMBER.unpack(head)[0])


def _seal(head: bytes) -> bytes:
    return blake2b(head, digest_size=SEAL_LEN).digest()
