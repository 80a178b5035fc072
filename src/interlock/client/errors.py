"""What can go wrong between a program and its server.

Decides how a no is told in Python. Invariant: a refusal says everything the server said of it, and
silence of the server is never told as a refusal.
"""

from typing import Any


class InterlockError(Exception):
    """Whatever this package raises of its own."""


class Refused(InterlockError):
    """The server said no, and nothing of the request was done."""

    def __init__(
        self,
        code: str,
        rule: str = "",
        *,
        status: int = 0,
        pointer: str = "",
        way_out: str = "",
        setting: str = "",
        retry: bool = False,
        breach: dict[str, Any] | None = None,
        second_thought: dict[str, Any] | None = None,
    ) -> None:
        where = f" at {pointer}" if pointer else ""
        super().__init__(" ".join(part for part in (f"{code}{where}:", rule, way_out) if part))
        self.code = code
        """Never changes its meaning: compare with this."""
        self.rule = rule
        """The rule that was broken, as a sentence."""
        self.status = status
        self.pointer = pointer
        """RFC 6901: the field of the request that broke it."""
        self.way_out = way_out
        """What to send instead."""
        self.setting = setting
        """The server's setting that governs the rule, where one does."""
        self.retry = retry
        """Whether the very same request can do better later."""
        self.breach = breach
        """Of a risk gate: setting, scope, figure and limit."""
        self.second_thought = second_thought
        """Of ``COOLING_OFF``: the token to send it again with, and what it would change."""


class Unreachable(InterlockError):
    """No answer came, however often it was right to ask.

    Whether the request was carried out is not known; the same client order id, or the same call
    with the same ``idempotency_key``, finds out without doing it twice.
    """

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"{url} does not answer: {why}")
        self.url = url


class Garbled(InterlockError):
    """Something answered that is no Interlock server, or one of another version."""
