"""Signals: outside numbers held against their schema before anything may fire on them.

Decides whether a value counts, and when a signal is frozen and sound again. Invariants: a value
that breaks its schema never reaches a condition; while a signal is frozen no condition with it
holds, whatever else it says; a leg that has triggered already goes on.
"""

from interlock.engine import firing, guard
from interlock.engine.numbers import signal_units
from interlock.engine.signalbook import SignalState
from interlock.engine.state import State
from interlock.engine.triggers import split_atom
from interlock.engine.turn import Turn
from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders.numbers import decimal_text
from interlock.orders.rejects import Reject, RejectCode
from interlock.orders.signals import SignalRules, signal_rules_problem
from interlock.orders.terms import BPS

MS_NS = 1_000_000
SECOND_NS = 1_000_000_000
PLACES = 9
NAMED_MAX = 5
Broken = tuple[str, str, str]
"""The setting, the figure and the limit."""


def define(turn: Turn, asked: c.DefineSignal) -> None:
    """Give a signal its schema."""
    rules = asked.rules
    problem = None if rules is None else signal_rules_problem(rules)
    if problem is not None:
        turn.answer = Reject(RejectCode.LIMITS_INVALID, f"rules.{problem[0]}", problem[1])
        return
    move = None if rules is None else rules.corroborated_by
    if move is not None and move.instrument not in turn.state.markets:
        rule = f"No instrument {move.instrument!r} is known here."
        path = "rules.corroborated_by.instrument"
        turn.answer = Reject(RejectCode.INSTRUMENT_UNKNOWN, path, rule)
        return
    known = turn.state.signal_book.get(asked.name)
    if (known.rules if known is not None else None) != rules:
        turn.emit(f.SignalDefined(turn.at, asked.name, rules, asked.by))
        _refresh(turn, asked.name)
    turn.answer = c.Accepted()


def receive(turn: Turn, command: c.Signal) -> None:
    """Take in a value, if its schema lets it."""
    value = signal_units(command.value)
    if not isinstance(value, int):
        turn.answer = Reject(RejectCode.BAD_NUMBER, "value", value.detail)
        return
    book = turn.state.signal_book.get(command.name)
    if book is None:
        _counts(turn, command.name, command.value)
        turn.answer = c.Accepted()
        return
    rules = book.rules
    if rules.sources and command.source not in rules.sources:
        allowed = ", ".join(rules.sources)
        turn.answer = _refusal(command.name, ("sources", command.source or "nobody", allowed))
        return
    broken = _broken(turn, book, command, value)
    if broken is not None:
        freeze(turn, command.name, broken)
        turn.answer = _refusal(command.name, broken)
        return
    turn.answer = c.Accepted()
    if book.frozen_at:
        _listen(turn, command.name, book)
        if book.frozen_at:
            return
    if rules.quorum > 1:
        turn.emit(f.SignalHeard(turn.at, command.name, command.source, command.value))
        middle = _median(turn, book, rules)
        if middle is None:
            return
        value = middle
    if not _corroborated(turn, rules):
        return  # it is no more than what one source says, until a price says so too
    _counts(turn, command.name, decimal_text(value, PLACES))


def _broken(turn: Turn, book: SignalState, command: c.Signal, value: int) -> Broken | None:
    """What of its schema a value breaks."""
    rules = book.rules
    for setting, sign in (("low", -1), ("high", 1)):
        bound = getattr(rules, setting)
        if bound is not None and sign * (value - _units(bound)) > 0:
            return setting, command.value, bound
    last = turn.state.signals.get(command.name)
    if rules.max_step is not None and last is not None and not book.frozen_at:
        step = abs(value - last)
        if step > _units(rules.max_step):
            return "max_step", decimal_text(step, PLACES), rules.max_step
    if rules.max_age_ms is not None and command.made_at is not None:
        age = (turn.at - command.made_at) // MS_NS
        if not -rules.max_age_ms <= age <= rules.max_age_ms:
            return "max_age_ms", str(age), str(rules.max_age_ms)
    return None


def _units(text: str) -> int:
    units = signal_units(text)
    assert isinstance(units, int), "checked when it was defined"
    return units


def freeze(turn: Turn, name: str, broken: Broken) -> None:
    """The breaker of a signal opens: what waits for it waits on, and a person is told."""
    setting, figure, limit = broken
    turn.emit(f.SignalFrozen(turn.at, name, setting, figure, limit))
    waiting = _waiting(turn.state, name)
    _refresh(turn, name)
    named = [
        f"{order_id} {turn.state.orders[order_id].legs[leg].terms.id}"
        for order_id, legs in waiting.items()
        for leg in legs
        if order_id in turn.state.orders
    ]
    more = f" and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
    legs = ", ".join(named[:NAMED_MAX]) + more if named else "nothing"
    detail = f"{name}: {setting} is {limit}, and this was {figure}; {legs} waits for it"
    guard.incident(turn, f.IncidentKind.SIGNAL_FROZEN, detail, setting)


def _listen(turn: Turn, name: str, book: SignalState) -> None:
    """A sound value of a frozen signal, after its time: enough of them, and it counts again."""
    if turn.at < book.frozen_at + book.rules.cool_s * SECOND_NS:
        return
    count = book.sound + 1
    thawed = count >= book.rules.calm_values
    turn.emit(f.SignalSound(turn.at, name, count, thawed))
    if thawed:
        how = f"{count} sound values in a row"
        guard.settled(turn, f.IncidentKind.SIGNAL_FROZEN, name, how)


def _median(turn: Turn, book: SignalState, rules: SignalRules) -> int | None:
    """Of what the sources said lately; nothing while too few have."""
    assert rules.max_age_ms is not None, "checked when it was defined"
    oldest = turn.at - rules.max_age_ms * MS_NS
    values = sorted(value for value, at in book.heard.values() if at >= oldest)
    if len(values) < rules.quorum:
        return None
    low, high = values[(len(values) - 1) // 2], values[len(values) // 2]
    return (low + high) // 2


def _corroborated(turn: Turn, rules: SignalRules) -> bool:
    move = rules.corroborated_by
    if move is None:
        return True
    view = turn.state.markets[move.instrument]
    price = view.reference()
    before = view.path.before(turn.at - move.within_s * SECOND_NS) if view.path else None
    if price is None or before is None:
        return False
    low, high = before
    moved = max(abs(price - low) * BPS // low, abs(price - high) * BPS // high)
    return moved >= move.move_bps


def _counts(turn: Turn, name: str, value: str) -> None:
    """A value counts: whatever waits for it is looked at."""
    turn.emit(f.SignalReceived(turn.at, name, value))
    _refresh(turn, name)


def _waiting(state: State, name: str) -> dict[str, dict[int, bool]]:
    waiting: dict[str, dict[int, bool]] = {}
    for order_id, code in state.signal_waits.get(name, {}):
        waiting.setdefault(order_id, {})[split_atom(code)[0]] = True
    return waiting


def _refresh(turn: Turn, name: str) -> None:
    for order_id, numbers in _waiting(turn.state, name).items():
        order = turn.state.orders.get(order_id)
        if order is not None:
            firing.refresh_together(turn, order, numbers)
            turn.touch(order)


def look(turn: Turn) -> None:
    """Freeze what has been silent for too long while something waits for it."""
    for name, book in list(turn.state.signal_book.items()):
        due = stale_at(turn.state, name, book)
        if 0 < due <= turn.at:
            age = (turn.at - book.at) // MS_NS
            freeze(turn, name, ("max_age_ms", str(age), str(book.rules.max_age_ms)))


def stale_at(state: State, name: str, book: SignalState) -> int:
    """When a signal that something waits for will have been silent too long; 0 for never."""
    waited_for = bool(state.signal_waits.get(name))
    if book.rules.max_age_ms is None or book.frozen_at or not book.at or not waited_for:
        return 0
    return book.at + book.rules.max_age_ms * MS_NS


def _refusal(name: str, broken: Broken) -> Reject:
    setting, figure, limit = broken
    return Reject(
        RejectCode.SIGNAL_REFUSED,
        "value" if setting != "sources" else "source",
        f"{setting} of the signal {name} is {limit}, and this is {figure}.",
        "Nothing fires on it; what waits for it is frozen until it is sound again."
        if setting != "sources"
        else "Name a source that its schema knows.",
    )
