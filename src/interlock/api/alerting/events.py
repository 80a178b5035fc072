"""Events: what of the facts is told to a person, how urgently, and in which words.

Decides which facts are events, what they are called and what their templates may name. Invariants:
every kind of incident is an event of its own name; a template that names what there is not is
refused before anything is told by it.
"""

import difflib
import string
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from interlock.engine.state import State
from interlock.orders import facts as f
from interlock.orders.limits import BlockCause

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIELDS: Final = (
    *("event", "environment", "at", "event_seq", "account", "client_order_id", "order_id", "leg"),
    *("instrument", "venue", "detail", "name", "level", "by", "status", "setting"),
)
"""What a template may name; what an event has none of is empty."""
MILD: Final = frozenset(
    (f.IncidentKind.DUST_LEFT, f.IncidentKind.AMEND_REFUSED, f.IncidentKind.RULE_REFUSED)
)
"""Incidents that put no position at risk; every other one is protective."""
ORDER: Final = "{account} {client_order_id}"
PLAIN: Final[dict[str, tuple[str, bool, bool]]] = {
    "incident_closed": (f"{ORDER}: {{name}} is over. {{detail}}", False, False),
    "block_set": ("No new risk: {name} ({level}). {detail}", True, True),
    "session_blocked": ("{name} ({level}). {detail}", False, False),
    "session_opened": ("{name} is over. {detail}", False, False),
    "block_lifted": ("Taken again: {name}. {detail}", True, False),
    "limits_set": ("Limits of {name} were changed by {by}. {detail}", True, False),
    "venue_down": ("{venue} is disconnected. {detail}", True, True),
    "venue_up": ("{venue} is connected.", True, False),
    "instrument_halted": ("{instrument} is halted. {detail}", True, False),
    "instrument_delisted": ("{instrument} is delisted. {detail}", True, True),
    "instrument_resumed": ("{instrument} trades again.", True, False),
    "leg_refused": (f"{ORDER}: {{leg}} was due and is refused. {{detail}}", True, False),
    "order_done": (f"{ORDER}: {{status}}.", False, False),
    "started": ("The server has started.", True, False),
}
"""Events besides incidents: template, whether told unless switched, whether protective."""
INCIDENT: Final = f"{ORDER} {{leg}}: {{detail}}"
DEFAULTS: Final[dict[str, tuple[str, bool, bool]]] = {
    **{str(kind): (INCIDENT, True, kind not in MILD) for kind in f.IncidentKind},
    **PLAIN,
}


class AlertsWrong(Exception):
    """The configuration of alerts cannot be used; the message says where and what instead."""


class Alert(Struct, frozen=True):
    """One thing to tell. ``subject``: what it is about, for telling the same thing once."""

    seq: int
    event: str
    subject: str
    title: str
    text: str
    protective: bool


class Events:
    """What is told at one server."""

    def __init__(
        self, switches: Mapping[str, bool], templates: Mapping[str, str], environment: str
    ) -> None:
        """Raises ``AlertsWrong``."""
        for setting, names in (("alerts.events", switches), ("alerts.templates", templates)):
            for name in names:
                if name not in DEFAULTS:
                    raise AlertsWrong(f"{setting}.{name}: there is no such event.{near(name)}")
        for name, template in templates.items():
            check(name, template)
        self._environment = environment
        self._templates = {name: one[0] for name, one in DEFAULTS.items()} | dict(templates)
        self._told = {name: switches.get(name, one[1]) for name, one in DEFAULTS.items()}

    def listed(self) -> list[tuple[str, bool, bool, str]]:
        """Every event: whether it is told, whether it is protective, and its template."""
        return [(n, self._told[n], DEFAULTS[n][2], self._templates[n]) for n in DEFAULTS]

    def of(self, seq: int, fact: f.Fact, state: State) -> Alert | None:
        """The alert that a fact is, if it is one that is told."""
        read = READERS.get(type(fact))
        if read is None:
            return None
        event, values = read(fact)
        if not self._told[event]:
            return None
        at = EPOCH + timedelta(microseconds=fact.at // 1_000)
        values |= {"event": event, "environment": self._environment, "event_seq": str(seq)}
        values["at"] = f"{at:%Y-%m-%d %H:%M:%S} UTC"
        _names(values, fact, state)
        text = self._templates[event].format(**dict.fromkeys(FIELDS, "") | values)
        about = ("order_id", "name", "instrument", "venue", "detail")
        subject = next((values[name] for name in about if values.get(name)), "")
        subject += values.get("level", "")  # a kill that goes further is no repetition
        title = f"Interlock {self._environment}: {event}, {values['at']}"
        text = " ".join(text.split()).replace(" :", ":").lstrip(": ")  # where a name is empty
        return Alert(seq, event, subject, title, text, DEFAULTS[event][2])


def near(name: str) -> str:
    found = difflib.get_close_matches(name, DEFAULTS, n=1)
    return f" Did you mean {found[0]}?" if found else ""


def check(event: str, template: str) -> None:
    """A template names known fields, plainly. Raises ``AlertsWrong``."""
    where = f"alerts.templates.{event}"
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise AlertsWrong(f"{where} is no template: {error}.") from error
    for _, field, spec, conversion in parts:
        if field is None:
            continue
        if field not in FIELDS:
            known = ", ".join(FIELDS)
            raise AlertsWrong(f"{where} names {{{field}}}, which there is not. Known: {known}.")
        if spec or conversion:
            raise AlertsWrong(f"{where}: write {{{field}}} without a format; all fields are text.")


def _names(values: dict[str, str], fact: f.Fact, state: State) -> None:
    """Whose order it is, as far as the engine still knows."""
    order = state.orders.get(values.get("order_id", ""))
    if order is None:
        return
    values["account"] = order.terms.account
    values["client_order_id"] = order.terms.client_order_id
    number = getattr(fact, "leg", -1)
    leg = order.legs[number if 0 <= number < len(order.legs) else 0]
    values["leg"] = leg.terms.id if number >= 0 else ""
    values["instrument"] = leg.terms.instrument


Read = tuple[str, dict[str, str]]


def _opened(fact: f.IncidentOpened) -> Read:
    values = {"order_id": fact.order_id, "detail": fact.detail, "setting": fact.setting}
    return str(fact.kind), values | {"name": "" if fact.order_id else fact.detail}


def _closed(fact: f.IncidentClosed) -> Read:
    values = {"order_id": fact.order_id, "name": str(fact.kind), "detail": fact.detail}
    return "incident_closed", values


def _block_set(fact: f.BlockSet) -> Read:
    one = fact.block
    event = "session_blocked" if one.cause is BlockCause.SESSION else "block_set"
    detail = f"{one.why} (one order may try)" if one.half_open else one.why
    values = {"name": f"{one.cause}: {one.name}", "level": str(one.level), "by": one.by}
    return event, values | {"detail": detail}


def _block_lifted(fact: f.BlockLifted) -> Read:
    event = "session_opened" if fact.cause is BlockCause.SESSION else "block_lifted"
    return event, {"name": f"{fact.cause}: {fact.name}", "by": fact.by, "detail": fact.why}


def _limits_set(fact: f.LimitsSet) -> Read:
    return "limits_set", {"name": str(fact.scope), "by": fact.by, "detail": fact.why}


def _done(fact: f.OrderDone) -> Read:
    return "order_done", {"order_id": fact.order_id, "status": fact.status}


def _refused(fact: f.LegRefused) -> Read:
    return "leg_refused", {"order_id": fact.order_id, "detail": str(fact.reject)}


def _started(fact: f.EngineStarted) -> Read:
    return "started", {}


def _venue(event: str) -> Callable[[Any], Read]:
    return lambda fact: (event, {"venue": fact.venue, "detail": getattr(fact, "detail", "")})


def _instrument(event: str) -> Callable[[Any], Read]:
    return lambda fact: (
        event,
        {"instrument": fact.instrument, "detail": getattr(fact, "detail", "")},
    )


READERS: Final[dict[type, Callable[[Any], Read]]] = {
    f.IncidentOpened: _opened,
    f.IncidentClosed: _closed,
    f.BlockSet: _block_set,
    f.BlockLifted: _block_lifted,
    f.LimitsSet: _limits_set,
    f.OrderDone: _done,
    f.LegRefused: _refused,
    f.EngineStarted: _started,
    f.VenueDisconnected: _venue("venue_down"),
    f.VenueConnected: _venue("venue_up"),
    f.InstrumentHalted: _instrument("instrument_halted"),
    f.InstrumentDelisted: _instrument("instrument_delisted"),
    f.InstrumentResumed: _instrument("instrument_resumed"),
}
