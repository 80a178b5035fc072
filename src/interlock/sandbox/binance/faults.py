"""Faults: what goes wrong on the wire, written beforehand.

Decides which request meets which fault. Invariant: a fault strikes the requests it names, as often
as it says, and nothing else; whether the exchange carried the request out is part of the fault.
"""

from enum import StrEnum

from msgspec import Struct, structs


class Carried(StrEnum):
    """Whether the exchange does what was asked although the answer says something else."""

    NOT = "not"
    BEFORE = "before"
    """Done, then the answer goes wrong."""
    AFTER = "after"
    """Done ``delay_ms`` after the answer went wrong."""


class Fault(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that goes wrong with requests to ``on``, such as ``POST /fapi/v1/order``.

    Without ``status`` and ``late`` the connection is closed without an answer.
    """

    on: str
    status: int | None = None
    body: str = ""
    late: bool = False
    """The true answer, but ``delay_ms`` late."""
    carried: Carried = Carried.NOT
    delay_ms: int = 0
    skip: int = 0
    """So many such requests pass first."""
    times: int = 1


class Faults:
    """Those that are still to come."""

    def __init__(self) -> None:
        self.coming: list[Fault] = []

    def strike(self, on: str) -> Fault | None:
        """The fault that this request meets, if any."""
        for place, fault in enumerate(self.coming):
            if fault.on != on:
                continue
            if fault.skip:
                self.coming[place] = structs.replace(fault, skip=fault.skip - 1)
                continue
            if fault.times > 1:
                self.coming[place] = structs.replace(fault, times=fault.times - 1)
            else:
                del self.coming[place]
            return fault
        return None
