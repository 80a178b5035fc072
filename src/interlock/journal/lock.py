"""The lock that keeps a journal to one process.

Decides who may write. Invariant: the lock is the kernel's (``flock``), so it ends with the process
however the process ends; the pid in the file is only there to be read by people.
"""

import fcntl
import os
from pathlib import Path

from interlock.journal.errors import JournalLocked, JournalUnavailable

NAME = "journal.lock"


class FolderLock:
    """Held from construction to ``release``."""

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise JournalUnavailable(
                f"cannot write to the journal's folder {folder}: {error.strerror}"
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise JournalLocked(
                f"the journal in {folder} is in use by another process"
                f"{f' (pid {holder})' if holder else ''}. Stop that one first, or give this one "
                f"a folder of its own."
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go. The file stays: removing it would let two processes lock two files."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
