"""Conditions as written become atoms and logic in whole increments.

Decides whether a ``when`` can be watched: instruments, signals and legs must be nameable, levels
must fit. Invariant: a leg never waits, through conditions, for itself.
"""

from msgspec.structs import replace

from interlock.engine import legterms
from interlock.engine.branches import Leaf
from interlock.engine.numbers import signal_units
from interlock.engine.refusal import refuse, refuse_number
from interlock.engine.state import State
from interlock.engine.triggers import ATOMS_MAX
from interlock.orders.conditions import Condition, PriceWatch, SignalWatch, TimeWatch, VolumeWatch
from interlock.orders.grid import Grid
from interlock.orders.rejects import RejectCode
from interlock.orders.terms import Atom, AtomKind, LegTerms, Logic, When

DEPTH_MAX = 8
KINDS = {
    "price": "price",
    "volume": "volume",
    "time": "time",
    "signal": "signal",
    "leg_filled": "leg_filled",
    "all_of": "all",
    "any_of": "any",
    "negated": "not",
}


def attach(state: State, legs: tuple[LegTerms, ...], leaves: list[Leaf]) -> tuple[LegTerms, ...]:
    """Legs with their conditions compiled, now that every leg has a number."""
    ids = {leg.id: number for number, leg in enumerate(legs)}
    out = []
    for leg, leaf in zip(legs, leaves, strict=True):
        condition = leaf.leg.when
        if condition is not None:
            leg = replace(leg, when=compile_when(state, condition, leg, ids, f"{leaf.path}.when"))
        out.append(leg)
    return tuple(out)


def compile_when(
    state: State, condition: Condition, leg: LegTerms, ids: dict[str, int], path: str
) -> When:
    """One condition, its atoms numbered in the order they were written."""
    reader = _Reader(state, leg, ids)
    logic = reader.logic(condition, path, 1)
    if len(reader.atoms) > ATOMS_MAX:
        refuse(
            RejectCode.CONDITION_INVALID, path, f"A condition looks at most at {ATOMS_MAX} things."
        )
    return When(tuple(reader.atoms), logic)


class _Reader:
    def __init__(self, state: State, leg: LegTerms, ids: dict[str, int]) -> None:
        self.state = state
        self.leg = leg
        self.ids = ids
        self.atoms: list[Atom] = []

    def logic(self, condition: Condition, path: str, depth: int) -> Logic:
        given = [name for name in KINDS if getattr(condition, name) is not None]
        if len(given) != 1:
            refuse(
                RejectCode.CONDITION_INVALID,
                path,
                f"A condition has exactly one of {', '.join(KINDS.values())}.",
                'Combine several with {"all": [...]} or {"any": [...]}.',
            )
        if depth > DEPTH_MAX:
            refuse(RejectCode.CONDITION_INVALID, path, f"Conditions nest at most {DEPTH_MAX} deep.")
        where = f"{path}.{KINDS[given[0]]}"
        if condition.negated is not None:
            return Logic("not", parts=(self.logic(condition.negated, where, depth + 1),))
        for op, parts in (("all", condition.all_of), ("any", condition.any_of)):
            if parts is not None:
                if not parts:
                    refuse(RejectCode.CONDITION_INVALID, where, "It must list something.")
                return Logic(
                    op,
                    parts=tuple(
                        self.logic(part, f"{where}[{i}]", depth + 1) for i, part in enumerate(parts)
                    ),
                )
        self.atoms.append(self.atom(condition, where))
        return Logic("atom", atom=len(self.atoms) - 1)

    def atom(self, condition: Condition, path: str) -> Atom:
        if condition.price is not None:
            return self.price(condition.price, path)
        if condition.volume is not None:
            return self.volume(condition.volume, path)
        if condition.time is not None:
            return self.time(condition.time, path)
        if condition.signal is not None:
            return self.signal(condition.signal, path)
        name = condition.leg_filled or ""
        if name not in self.ids:
            refuse(
                RejectCode.LEG_UNKNOWN,
                path,
                f"This order has no leg {name!r}.",
                f"Its legs are {', '.join(self.ids)}.",
            )
        if self.ids[name] == self.ids[self.leg.id]:
            refuse(RejectCode.RULE_CYCLE, path, f"{name!r} would wait for itself.")
        return Atom(AtomKind.LEG_FILLED, leg=self.ids[name])

    def grid(self, symbol: str | None, path: str) -> Grid:
        name = symbol or self.leg.instrument
        view = self.state.markets.get(name)
        if view is None:
            refuse(
                RejectCode.INSTRUMENT_UNKNOWN,
                f"{path}.instrument",
                f"No instrument {name!r} is known here.",
                f"Known: {', '.join(sorted(self.state.markets)[:8])}.",
            )
        return view.grid

    def price(self, watch: PriceWatch, path: str) -> Atom:
        grid = self.grid(watch.instrument, path)
        rising = one_of(watch.at_or_above, watch.at_or_below, path)
        text = watch.at_or_above if rising else watch.at_or_below
        field = "at_or_above" if rising else "at_or_below"
        level = legterms.price_units(grid, text or "", f"{path}.{field}")
        return Atom(AtomKind.PRICE, level, rising, grid.symbol, watch.source)

    def volume(self, watch: VolumeWatch, path: str) -> Atom:
        grid = self.grid(watch.instrument, path)
        units = grid.quantity_units(watch.at_least)
        if not isinstance(units, int):
            refuse_number(units, f"{path}.at_least")
        if units <= 0:
            refuse(RejectCode.NOT_POSITIVE, f"{path}.at_least", "A volume must be above zero.")
        return Atom(AtomKind.VOLUME, units, True, grid.symbol)

    def time(self, watch: TimeWatch, path: str) -> Atom:
        if (watch.at_or_after is None) == (watch.before is None):
            refuse(RejectCode.CONDITION_INVALID, path, 'Exactly one of "at_or_after" and "before".')
        if watch.at_or_after is not None:
            level = legterms.instant(watch.at_or_after, f"{path}.at_or_after")
            return Atom(AtomKind.TIME, level, True)
        assert watch.before is not None
        return Atom(AtomKind.TIME, legterms.instant(watch.before, f"{path}.before"), False)

    def signal(self, watch: SignalWatch, path: str) -> Atom:
        rising = one_of(watch.at_or_above, watch.at_or_below, path)
        level = signal_units((watch.at_or_above if rising else watch.at_or_below) or "")
        if not isinstance(level, int):
            refuse_number(level, path)
        if not watch.name:
            refuse(RejectCode.MISSING_FIELD, f"{path}.name", "A signal has a name.")
        return Atom(AtomKind.SIGNAL, level, rising, name=watch.name)


def one_of(above: str | None, below: str | None, path: str) -> bool:
    """Whether the bound is a lower one; exactly one must be given."""
    if (above is None) == (below is None):
        refuse(
            RejectCode.CONDITION_INVALID,
            path,
            'Exactly one of "at_or_above" and "at_or_below" must be given.',
        )
    return above is not None
