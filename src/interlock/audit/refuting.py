"""Fills that are taken back: only what the venue has left out twice.

Decides when a fill was taken back too soon (I6): one answer may come from a copy of the venue's
books that is behind. A fill whose record the venue corrects is booked anew in the same batch.
"""

from interlock.audit.breach import Tell


class Refuting:
    """What was doubted, and what was taken back without a doubt before it."""

    def __init__(self) -> None:
        self._doubted: dict[str, bool] = {}
        self._hasty: dict[str, bool] = {}

    def doubt(self, exec_id: str) -> None:
        self._doubted[exec_id] = True

    def believe(self, exec_id: str) -> None:
        """It was confirmed, or booked anew."""
        self._doubted.pop(exec_id, None)
        self._hasty.pop(exec_id, None)

    def take_back(self, exec_id: str) -> None:
        if self._doubted.pop(exec_id, None) is None:
            self._hasty[exec_id] = True

    def batch_over(self, tell: Tell) -> None:
        for exec_id in self._hasty:
            tell("I6", f"{exec_id} was taken back on one answer")
        self._hasty.clear()
