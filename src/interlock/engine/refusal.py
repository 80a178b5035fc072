"""How a refusal travels inside acceptance: to the one place that turns it into a value.

The tree is read by recursion; carrying a ``Reject`` through every return would hide the rules.
Whoever starts such a reading catches it: ``accept``, ``changes``, ``rules``, and the reader of an
orders file.
"""

from typing import NoReturn

from interlock.orders.numbers import NumberFault, NumberProblem
from interlock.orders.rejects import Reject, RejectCode


class Refused(Exception):
    def __init__(self, reject: Reject) -> None:
        super().__init__(str(reject))
        self.reject = reject


def refuse(code: RejectCode, path: str, rule: str, way_out: str = "") -> NoReturn:
    raise Refused(Reject(code, path, rule, way_out))


def refuse_number(problem: NumberProblem, path: str) -> NoReturn:
    """A number that could not be read, as the reject it becomes."""
    if problem.fault is NumberFault.OFF_INCREMENT:
        low, high = problem.nearest
        refuse(
            RejectCode.OFF_INCREMENT,
            path,
            problem.detail + ".",
            f'Send {high if low == "0" else f"{low} or {high}"}, or set "round": true.',
        )
    way = f"Send {problem.nearest[0]}." if problem.nearest else "Send plain decimal text."
    refuse(RejectCode.BAD_NUMBER, path, problem.detail + ".", way)
