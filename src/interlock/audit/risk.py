"""Risk, as the auditor keeps it: limits and blocks, told together of everything that happens.

Decides nothing of its own. Invariant: both hear a fact before the records change by it, so that a
limit is compared with what there was, and what was asked for on top.
"""

from interlock.audit.blocks import Blocks
from interlock.audit.breach import Tell
from interlock.audit.limits import InForce, Records
from interlock.audit.sessions import Sessions
from interlock.audit.signals import Signals
from interlock.audit.thoughts import Thoughts
from interlock.audit.worth import Price, Worth
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders.ticks import Tick


class Risk:
    """The auditor's own note of what may be risked."""

    def __init__(self, price: Price) -> None:
        """``price``: what a channel of an instrument shows to this process."""
        self._limits = InForce()
        self._blocks = Blocks(self._limits)
        self._sessions = Sessions(self._limits)
        self._worth = Worth(self._limits, price)
        self._thoughts = Thoughts()
        self.signals = Signals()

    def fact(self, tell: Tell, fact: f.Fact, records: Records) -> None:
        self._limits.fact(tell, fact, records)
        self._blocks.fact(tell, fact, records)
        self._sessions.fact(tell, fact, records)
        self._worth.fact(tell, fact, records)
        self._thoughts.fact(tell, fact, records)
        self.signals.fact(tell, fact, records)

    def batch_over(self, tell: Tell, records: Records) -> None:
        self._blocks.batch_over(tell)
        self._sessions.batch_over(tell)
        self.signals.batch_over(tell, records)

    def heard(self, report: r.Report) -> None:
        self._worth.heard(report)
        self._thoughts.stirred()
        self.signals.stirred()

    def asked(self, number: int, command: c.Command, records: Records) -> None:
        self._thoughts.asked(number, command, records)
        self.signals.asked(number, command)

    def answered(self, tell: Tell, number: int, command: c.Command, answer: c.Answer) -> None:
        self._blocks.answered(tell, command, answer)
        self._thoughts.answered(tell, number, command, answer)
        self.signals.answered(tell, number, command, answer)

    def restart(self) -> None:
        self._thoughts.restart()
        self._worth.restart()
        self.signals.stirred()

    def tick(self, tick: Tick) -> None:
        self._thoughts.stirred()
        self.signals.stirred()
        self.signals.tick(tick)
        self._blocks.tick(tick)

    def ticked(self, tell: Tell) -> None:
        self._blocks.ticked(tell)

    def finish(self, tell: Tell, records: Records) -> None:
        self._blocks.finish(tell, records)
        self._sessions.finish(tell, records)
        self._worth.finish(tell, records)
