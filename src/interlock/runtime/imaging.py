"""The image of a state, made beside the process that goes on changing it.

Decides how a snapshot is taken without a pause, and a drill without a trace: a forked child has the
state as it was at one instant, works with it and says what it has made through a pipe. Invariant:
what comes back is all of that, or nothing; the child touches no file, no socket and no journal, and
ends with the process it came from.
"""

import gc
import os
import struct
from collections.abc import Callable

from interlock.engine.digest import image
from interlock.engine.state import State

_LENGTH = struct.Struct("<Q")
PIECE = 1 << 20


class ImageLost(Exception):
    """The child ended before it had said everything: there is no image this time."""


class Child:
    """One image under way."""

    def __init__(self, pid: int, pipe: int) -> None:
        self._pid = pid
        self._pipe = pipe

    def image(self) -> bytes:
        """Wait for it; from a thread that may wait. Raises ``ImageLost``."""
        pieces = []
        try:
            while piece := os.read(self._pipe, PIECE):
                pieces.append(piece)
        finally:
            os.close(self._pipe)
            os.waitpid(self._pid, 0)
        said = b"".join(pieces)
        if len(said) < _LENGTH.size or _LENGTH.unpack_from(said)[0] != len(said) - _LENGTH.size:
            raise ImageLost("the process that makes a snapshot ended early")
        return said[_LENGTH.size :]


def begin(state: State) -> Child:
    """Start to make the image of the state as it is now. Raises ``OSError`` if nothing can be
    started.
    """
    return beside(lambda: image(state))


def beside(work: Callable[[], bytes]) -> Child:
    """Do something in a child, which may change whatever it likes: it is a copy, and gone after.
    Raises ``OSError`` if nothing can be started.
    """
    reading, writing = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    if pid:
        os.close(writing)
        return Child(pid, reading)
    _say(work, writing)
    return Child(0, reading)  # not reached: the child has ended


def _say(work: Callable[[], bytes], pipe: int) -> None:
    """The child's whole life."""
    code = 1
    try:
        # Sockets and locks of the parent must not outlive it here.
        os.closerange(3, pipe)
        os.closerange(pipe + 1, os.sysconf("SC_OPEN_MAX"))
        gc.disable()  # looking at objects would copy the memory they share with the parent
        data = work()
        for part in (_LENGTH.pack(len(data)), memoryview(data)):
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(pipe, rest) :]
        code = 0
    finally:
        os._exit(code)  # nothing of the parent's is flushed, closed or run a second time
