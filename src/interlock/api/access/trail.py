"""The audit trail: every authenticated request, as a line in a file that only grows.

Decides what is kept of a request: who, from where, what, and how it ended. Invariant: no body, no
query and no header is ever in it, so no secret is; and what could not be kept is counted in it.
"""

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final

import msgspec
from msgspec import Struct

from interlock.api.access.errors import AccessUnavailable

NAME: Final = "requests.jsonl"
BYTES_MAX: Final = 64 * 2**20
FILES_MAX: Final = 8
BUFFERED_MAX: Final = 200_000
TEXT_LENGTH_MAX: Final = 512
_ENCODER = msgspec.json.Encoder()


class Entered(Struct, frozen=True, omit_defaults=True):
    """One request. ``at`` in nanoseconds UTC; ``who`` is a key's id or a session's."""

    at: int
    who: str
    address: str
    method: str
    path: str
    status: int
    code: str = ""
    """The code of the problem, if it was answered with one."""
    request_id: str = ""


class Lost(Struct, frozen=True):
    """So many requests were not kept: the disk did not take them in time."""

    at: int
    lost: int


class Trail:
    """Lines in memory until ``flush``, which a thread calls several times a second."""

    def __init__(
        self,
        folder: Path,
        now: Callable[[], int],
        bytes_max: int = BYTES_MAX,
        files_max: int = FILES_MAX,
        buffered_max: int = BUFFERED_MAX,
    ) -> None:
        self.path = folder / NAME
        self._now = now
        self._bytes_max = bytes_max
        self._files_max = files_max
        self._buffered_max = buffered_max
        self._buffer: deque[Entered] = deque()
        self._lost = 0
        self._told = 0
        self._lock = Lock()
        try:
            self._fd, self._size = self._opened()
        except OSError as error:
            raise AccessUnavailable(
                f"the audit trail {self.path} cannot be opened: {error.strerror}."
            ) from error

    def record(
        self,
        who: str,
        address: str,
        method: str,
        path: str,
        status: int,
        code: str = "",
        request_id: str = "",
    ) -> None:
        """Keep one, for the next ``flush``. What follows a ``?`` in the path is left out."""
        if len(self._buffer) >= self._buffered_max:
            self._lost += 1
            return
        what = (_plain(method), _plain(path.partition("?")[0]))
        entered = Entered(
            self._now(), who, _plain(address), *what, status, code, _plain(request_id)
        )
        self._buffer.append(entered)

    def flush(self) -> None:
        """Write what was recorded. What the disk refuses stays, up to a limit, for next time."""
        with self._lock:
            # One at a time: requests go on being recorded meanwhile, on another thread.
            taken = [self._buffer.popleft() for _ in range(len(self._buffer))]
            lost = self._lost - self._told
            if not taken and not lost:
                return
            lines: list[Struct] = [*taken, Lost(self._now(), lost)] if lost else [*taken]
            try:
                self._write(b"".join(_encoded(line) for line in lines))
            except OSError as error:
                self._buffer.extendleft(reversed(taken))
                raise AccessUnavailable(
                    f"the audit trail {self.path} cannot be written: {error.strerror}. Free space; "
                    f"requests are kept in memory meanwhile."
                ) from error
            self._told += lost

    def close(self) -> None:
        """Write everything, and have it on the disk."""
        try:
            self.flush()
        finally:
            with self._lock:
                os.fsync(self._fd)
                os.close(self._fd)

    def _opened(self) -> tuple[int, int]:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        fd = os.open(self.path, flags, 0o600)
        size = os.fstat(fd).st_size
        # A process killed in the middle of a line leaves a piece: the next begins a new one.
        if size and os.pread(fd, 1, size - 1) != b"\n":
            size += os.write(fd, b"\n")
        return fd, size

    def _write(self, data: bytes) -> None:
        if self._size and self._size + len(data) > self._bytes_max:
            self._rotate()
        before = self._size
        try:
            while data:
                written = os.write(self._fd, data)
                self._size += written
                data = data[written:]
        except OSError:
            # Half of it is no record, and all of it is written again.
            os.ftruncate(self._fd, before)
            self._size = before
            raise

    def _rotate(self) -> None:
        """The file in use is let go last, so that one is open whatever fails on the way."""
        os.fsync(self._fd)
        for number in range(self._files_max - 1, 0, -1):
            older = self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        if self._files_max == 1:
            self.path.unlink()
        full = self._fd
        self._fd, self._size = self._opened()
        os.close(full)

    def _numbered(self, number: int) -> Path:
        return self.path if number == 0 else self.path.with_name(f"{NAME}.{number}")


def _encoded(line: Struct) -> bytes:
    return _ENCODER.encode(line) + b"\n"


def _plain(text: str) -> str:
    """What clients sent, short, and as text that can be written whatever it held."""
    return text[:TEXT_LENGTH_MAX].encode("utf-8", "replace").decode()
