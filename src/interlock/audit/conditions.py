"""Conditions, by the auditor's own reading: what was asked for, and whether it holds.

Decides whether a leg's condition is the one that its order named, whether what is said of it is
true by the prices, times, signals and fills there are, and whether a change of price was told.
Invariant: what is not known here is not judged.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from interlock.audit.breach import Tell
from interlock.audit.record import Record
from interlock.orders import facts as f
from interlock.orders.conditions import Condition, PriceSource
from interlock.orders.terms import Atom, AtomKind, LegTerms, Logic

SIGNAL_UNITS = 10**9
PriceOf = Callable[[str, str], int | None]
"""The price that a channel of an instrument shows to this process, if it shows one."""


def said(
    tell: Tell,
    record: Record,
    fact: f.ConditionChanged,
    price_of: PriceOf | None,
    signals: dict[str, str],
    frozen: bool = False,
) -> None:
    """A condition is said to have changed: is it so? ``frozen``: a signal in it is."""
    terms = record.legs[fact.leg]
    name = f"the condition of {terms.id} of {record.id}"
    if terms.when is None:
        tell("condition", f"{name} has changed, and it has none")
        return
    if (_whole(terms.when.logic, fact.atoms) and not frozen) != fact.holds:
        said = "hold" if fact.holds else "fail"
        tell("condition", f"{name} is said to {said} by parts {fact.atoms:b}")
    for number, atom in enumerate(terms.when.atoms):
        true = bool(fact.atoms >> number & 1)
        known = _truth(record, terms, atom, fact.at, price_of, signals)
        if known is not None and known != true:
            tell("condition", f"part {number} of {name} is said to be {true}")


def unsaid(tell: Tell, record: Record, leg: int, price_of: PriceOf) -> None:
    """After a tick: what an armed leg's condition says of prices is what they are."""
    terms = record.legs[leg]
    for number, atom in enumerate(terms.when.atoms if terms.when is not None else ()):
        if atom.kind is not AtomKind.PRICE:
            continue
        price = price_of(atom.instrument, _channel(terms, atom))
        said = bool(record.parts.get(leg, 0) >> number & 1)
        if price is not None and _reached(terms, atom, price) != said:
            name = f"the condition of {terms.id} of {record.id}"
            tell("condition", f"part {number} of {name} stays {said} at {price}")


def _whole(logic: Logic, atoms: int) -> bool:
    if logic.op == "atom":
        return bool(atoms >> logic.atom & 1)
    parts = [_whole(part, atoms) for part in logic.parts]
    if logic.op == "not":
        return not parts[0]
    return (False not in parts) if logic.op == "all" else (True in parts)


def _truth(
    record: Record,
    terms: LegTerms,
    atom: Atom,
    at: int,
    price_of: PriceOf | None,
    signals: dict[str, str],
) -> bool | None:
    """Whether one part holds; nothing where that can't be known from here."""
    if atom.kind is AtomKind.TIME:
        return (at >= atom.level) is atom.rising
    if atom.kind is AtomKind.SIGNAL:
        value = signals.get(atom.name)
        if value is None:
            return False
        level = Decimal(value) * SIGNAL_UNITS
        return level >= atom.level if atom.rising else level <= atom.level
    if atom.kind is AtomKind.LEG_FILLED:
        cum = record.cum.get(atom.leg, 0)
        whole = 0 < record.legs[atom.leg].quantity <= cum
        return True if whole else None if cum else False
    if atom.kind is AtomKind.PRICE and price_of is not None:
        price = price_of(atom.instrument, _channel(terms, atom))
        return price is not None and _reached(terms, atom, price)
    return None


def _channel(terms: LegTerms, atom: Atom) -> str:
    if atom.source is PriceSource.BID_ASK:
        return "ask" if terms.side > 0 else "bid"
    return str(atom.source)


def _reached(terms: LegTerms, atom: Atom, price: int) -> bool:
    level = atom.level * (2 if _channel(terms, atom) == "mid" else 1)
    return price >= level if atom.rising else price <= level


# What was asked for


def asked_for(tell: Tell, record: Record, order: Any) -> None:
    """Every leg that the request names has the condition that it names."""
    asked = {node.id: node.when for node in _legs(order)}
    for terms in record.terms.legs:
        if terms.id not in asked:
            continue
        wanted = _asked(asked[terms.id])
        found = _kept(terms.when.logic, terms.when.atoms) if terms.when is not None else ()
        if wanted != found:
            tell("condition", f"{terms.id} of {record.id} waits for {found}, not for {wanted}")


def _legs(node: Any) -> Iterator[Any]:
    """The legs of a request that have an id of their own."""
    if node is None:
        return
    if isinstance(node, tuple):
        for one in node:
            yield from _legs(one)
    elif hasattr(node, "side"):
        if node.id is not None:
            yield node
    else:
        for name in ("first", "then", "legs", "entry", "take_profit", "stop_loss"):
            yield from _legs(getattr(node, name, None))


def _asked(condition: Condition | None) -> tuple[Any, ...]:
    """A condition's shape: how its parts combine, and the kind and direction of each."""
    if condition is None:
        return ()
    for op, parts in (("all", condition.all_of), ("any", condition.any_of)):
        if parts is not None:
            return (op, *(_asked(part) for part in parts))
    if condition.negated is not None:
        return ("not", _asked(condition.negated))
    if condition.time is not None:
        return ("time", condition.time.at_or_after is not None)
    if condition.volume is not None:
        return ("volume", True)
    watch = condition.price or condition.signal
    if watch is None:
        return ("leg_filled", True)
    return ("price" if condition.price else "signal", watch.at_or_above is not None)


def _kept(logic: Logic, atoms: tuple[Atom, ...]) -> tuple[Any, ...]:
    if logic.op == "atom":
        atom = atoms[logic.atom]
        return (str(atom.kind), atom.rising)
    return (logic.op, *(_kept(part, atoms) for part in logic.parts))
