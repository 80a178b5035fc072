"""The server's log: events with fields, as lines of JSON or text, for whoever operates it.

Decides what is logged and how loudly. Invariant: no secret is ever in a line, and nobody waits for
one to be written: lines wait in a queue for a thread, and those that find it full are counted.
"""

import logging
import os
import queue
import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LEVELS: Final = ("debug", "info", "warning", "error")
FORMATS: Final = ("text", "json")
WAITING_MAX: Final = 10_000
"""Lines that may wait to be written."""
SECRET: Final = ("secret", "password", "signature", "authorization", "token", "ticket", "nonce")
"""A field with one of these in its name is never written, whatever passed it."""
QUERY: Final = re.compile(r"\?[^\s\"']+=[^\s\"']*")
"""Libraries tell the URLs they ask: what a venue is asked is signed in there."""
_CLOSE_S: Final = 2.0


class LogUnwritable(Exception):
    """The log's file cannot be opened; the message says why."""


class Log:
    """One server's log. ``file`` is nothing for none at all: then lines cost next to nothing."""

    def __init__(
        self, file: IO[str] | None, level: str = "info", form: str = "text", environment: str = ""
    ) -> None:
        self._level = logging.getLevelName(level.upper())
        shown: Processor = structlog.processors.JSONRenderer()
        faults: list[Processor] = [structlog.processors.dict_tracebacks]
        if form == "text":
            shown = structlog.dev.ConsoleRenderer(colors=file is not None and file.isatty())
            faults = []
        processors: list[Processor] = [
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            no_secrets,
            *faults,
            shown,
        ]

        def lost_line(count: int) -> str:
            event: Any = {"environment": environment, "event": "lines lost", "count": count}
            for processor in processors:
                event = processor(None, "warning", event)
            return str(event)

        self._lines = None if file is None else Lines(file, lost_line)
        self._out: Any = structlog.wrap_logger(
            self._lines or Nowhere(),
            processors=processors,
            wrapper_class=structlog.make_filtering_bound_logger(self._level),
            environment=environment,
        )

    def note(self, what: str, **fields: object) -> None:
        """Something that happened as it should."""
        self._out.info(what, **fields)

    def told(self, what: str) -> None:
        """Something a person should look at."""
        self._out.warning(what)

    def bug(self, what: str, error: BaseException) -> None:
        """A fault of ours, with all that helps to find it."""
        self._out.error(what, exc_info=error)

    def answered(
        self,
        status: int,
        code: str,
        method: str,
        target: str,
        request_id: str = "",
        who: str = "",
        address: str = "",
        seconds: float = 0.0,
    ) -> None:
        """One request: refusals are worth a line, what was done is in the journal anyway."""
        if status < 400 and self._level > logging.DEBUG:
            return
        say = self._out.debug if status < 400 else self._out.info
        say = self._out.error if status == 500 else say
        say(
            "refused" if status >= 400 else "answered",
            request_id=request_id,
            method=method,
            path=plain(target.partition("?")[0]),
            status=status,
            code=code,
            who=who,
            address=address,
            ms=round(1_000 * seconds, 3),
        )

    def hear_libraries(self) -> None:
        """What the libraries say of themselves goes here too, from this process's logging on."""
        logging.basicConfig(handlers=[Forwarding(self)], level=self._level, force=True)

    def library(self, level: int, name: str, what: str, error: BaseException | None) -> None:
        say = self._out.error if level >= logging.ERROR else self._out.warning
        say = say if level >= logging.WARNING else self._out.debug
        what = QUERY.sub("?(left out)", plain(what))
        say(what, library=name, **({"exc_info": error} if error is not None else {}))

    def close(self) -> None:
        """Write what waits, for at most a moment."""
        if self._lines is not None:
            self._lines.close()


class Lines:
    """A thread that writes lines. It implements what structlog asks of a logger."""

    def __init__(self, file: IO[str], lost_line: Callable[[int], str]) -> None:
        self._file = file
        self._lost_line = lost_line
        self._waiting: queue.Queue[str | None] = queue.Queue(WAITING_MAX)
        self.lost = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def msg(self, line: str) -> None:
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self.lost += 1

    debug = info = warning = error = critical = msg

    def close(self) -> None:
        with suppress(queue.Full):
            self._waiting.put(None, timeout=_CLOSE_S)
            self._thread.join(_CLOSE_S)

    def _write(self) -> None:
        told = 0
        while (line := self._waiting.get()) is not None:
            lost = self.lost
            more = f"\n{self._lost_line(lost - told)}" if lost > told else ""
            with suppress(OSError, ValueError):  # a full disk takes no lines: the desk goes on
                self._file.write(f"{line}{more}\n")
                self._file.flush()
                told = lost


class Nowhere:
    """Hears nothing."""

    def msg(self, line: str) -> None:
        pass

    debug = info = warning = error = critical = msg


class Forwarding(logging.Handler):
    """From the standard library's logging to the log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._log.library(record.levelno, record.name, record.getMessage(), error)


def no_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The second net: nothing that may be one is passed in the first place."""
    for name in event:
        if any(word in name.lower() for word in SECRET):
            event[name] = "(left out)"
    return event


def plain(text: str) -> str:
    """What strangers sent, short, and on one line whatever it held."""
    return "".join(char if char.isprintable() else "?" for char in text[:300])


def opened(file: str, level: str, form: str, environment: str) -> Log:
    """The log of a configuration: to a file, or to stderr. Raises ``LogUnwritable``."""
    if not file:
        return Log(sys.stderr, level, form, environment)
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LogUnwritable(f"log.file {file} cannot be written: {error.strerror}.") from error
    kept = os.fdopen(fd, "a", encoding="utf-8", errors="replace")
    return Log(kept, level, form, environment)
