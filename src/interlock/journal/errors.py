"""What can go wrong with a journal, each with a message that says what to do.

Decides the one small tree of exceptions the shell meets. Invariant: ``JournalUnavailable`` means
that nothing was written; where that is not certain an append answers ``ambiguous`` instead.
"""


class JournalError(Exception):
    """The journal cannot do what it was asked."""


class JournalUnavailable(JournalError, OSError):
    """The disk or the database said no, and nothing was written: full, read-only, busy."""


class JournalLocked(JournalError):
    """Another process has this journal open."""


class JournalFormatUnknown(JournalError):
    """The journal was written by a version that this one does not know."""


class JournalSealed(JournalError):
    """The journal is encrypted and cannot be opened so: no key, or not the one it was made with."""


class JournalPlain(JournalError):
    """The journal is not encrypted, and was to be."""


class JournalDamaged(JournalError):
    """The journal is damaged before its tail; starting would forget what was promised.

    ``first_bad`` is the first frame that is damaged, or 0 when no single frame can be named.
    """

    def __init__(self, message: str, first_bad: int = 0) -> None:
        super().__init__(message)
        self.first_bad = first_bad
