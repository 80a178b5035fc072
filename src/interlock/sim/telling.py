"""A world told so that a trader can read it: times, prices, orders in words, what crossed the wire.

Decides how each thing that happens reads on one line. Invariant: listening changes nothing.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from interlock.orders import commands as c
from interlock.orders import facts as f
from interlock.orders import reports as r
from interlock.orders import requests as q
from interlock.orders.grid import Grid
from interlock.orders.ticks import Depth, Quote, Tick, Trade
from interlock.orders.wire import FactWire
from interlock.sim.plan import ClockStep, Plan, Told, fault_names
from interlock.sim.world import Listening

HEAD = ("event_seq", "at", "type", "order_id", "client_order_id", "leg")
SILENT = ("WatermarkMoved", "VolumeCounted")


class Telling(Listening):
    """Writes lines as a world goes on."""

    def __init__(self, plan: Plan) -> None:
        self.lines: list[str] = list(_setting(plan))
        self._start = plan.start
        self._grids = {i.symbol: Grid(i) for v in plan.venues for i in v.instruments}
        self._wire = FactWire()
        self._grid_of: dict[str, Grid] = {}
        """By client id of a venue order."""
        self._says: dict[str, Callable[[Any], str]] = {
            "market": self._market,
            "command": lambda command: f"client: {self._command(command)}",
            "answer": lambda pair: f"answer: {_answer(*pair)}",
            "request": lambda request: f"  -> {self._request(request)}",
            "report": lambda report: f"  <- {self._report(report)}",
            "fact": self._fact,
            "deed": str,
            "clock": _clock,
            "calendar": _calendar,
            "snapshot": lambda _: "the state is kept as a snapshot",
            "died": lambda where: f"the process dies: {where}",
            "started": lambda _: "the process starts from its journal",
            "calm": lambda _: "the faults end; everything must come to rest",
        }

    def happened(self, at: int, kind: str, what: object) -> None:
        text = self._says[kind](what)
        if text:
            micros = (at - self._start) // 1000
            minutes, rest = divmod(micros, 60_000_000)
            moment = f"{minutes:02d}:{rest // 1_000_000:02d}.{rest // 1000 % 1000:03d}"
            self.lines.append(f"{moment} {text}")

    def _market(self, tick: Tick) -> str:
        grid = self._grids[tick.instrument]
        if isinstance(tick, Trade):
            said = f"trade {grid.price_text(tick.price)} x {grid.quantity_text(tick.quantity)}"
        elif isinstance(tick, Quote):
            said = f"quote {grid.price_text(tick.bid)} / {grid.price_text(tick.ask)}"
        elif isinstance(tick, Depth):
            said = f"book {_best(grid, tick.bids)} / {_best(grid, tick.asks)}"
        else:
            said = f"{type(tick).__name__.lower()} {grid.price_text(tick.price)}"
        return f"{tick.instrument}: {said}"

    # Clients

    def _command(self, command: c.Command) -> str:
        if isinstance(command, c.PlaceOrder):
            document = msgspec.to_builtins(command)
            rest = {k: v for k, v in document.items() if k in ("policy", "rules", "tag")}
            more = f"; {_words(rest)}" if rest else ""
            whose = f"{command.client_order_id} for {command.account}"
            return f"place {whose}: {tree_words(document['order'])}{more}"
        document = msgspec.to_builtins(command)
        return f"{document.pop('type')} {_words(document)}"

    # The wire

    def _request(self, request: q.Request) -> str:
        if isinstance(request, q.SubmitVenueList):
            return "a pair: " + " and ".join(self._request(one) for one in request.orders)
        if isinstance(request, q.SubmitVenueOrder):
            grid = self._grid_of[request.client_id] = self._grids[request.instrument]
            words = [f"submit {request.client_id}", "buy" if request.side > 0 else "sell"]
            words += [grid.quantity_text(request.quantity), str(request.order_type)]
            words += _prices(grid, request.price, request.trigger_price)
            if request.reduce_only:
                words.append("reduce-only")
            if request.time_in_force != "gtc":
                words.append(str(request.time_in_force))
            return " ".join(words)
        if isinstance(request, q.AmendVenueOrder):
            grid = self._grids[request.instrument]
            words = [f"amend {request.client_id} to {grid.quantity_text(request.quantity)}"]
            return " ".join(words + _prices(grid, request.price, request.trigger_price))
        if isinstance(request, q.CancelVenueOrder):
            return f"cancel {request.client_id}"
        if isinstance(request, q.QueryVenueOrder):
            return f"what became of {request.client_id}?"
        if isinstance(request, q.QueryOpenOrders):
            return f"which orders are open at {request.venue}?"
        if isinstance(request, q.QueryFills):
            return f"which fills were there at {request.venue}?"
        if isinstance(request, q.QueryBalances):
            return f"what has {request.account} at {request.venue}?"
        return f"what position has {request.account} in {request.instrument}?"

    def _report(self, report: r.Report) -> str:
        name = getattr(report, "client_id", "")
        grid = self._grid_of.get(name)
        match report:
            case r.Filled():
                return f"{name} filled {_execution(grid, report.execution)}"
            case r.OrderStatus():
                fills = ", ".join(_execution(grid, e) for e in report.fills) or "no fills"
                return f"{name} is {report.status} ({fills})"
            case r.OpenOrders():
                names = ", ".join(o.client_id for o in report.orders) or "nothing"
                return f"open at {report.venue}: {names}"
            case r.Connection():
                return f"the connection to {report.venue} is {'up' if report.up else 'down'}"
        document = msgspec.to_builtins(report)
        kind = document.pop("type")
        for field in ("at", "client_id", "as_of"):
            document.pop(field, None)
        return f"{name} {kind} {_words(document)}".strip()

    # What we said

    def _fact(self, numbered: tuple[int, f.Fact]) -> str:
        document = self._wire.document(*numbered)
        kind = str(document["type"])
        if kind in SILENT:
            return ""
        if kind == "InstrumentDefined" or kind == "VenueDefined":
            return ""
        if kind == "OrderAccepted":
            return f"  {document['event_seq']:>4} OrderAccepted {document['order_id']}"
        name = document.get("client_order_id") or document.get("order_id") or ""
        leg = document.get("leg")
        whom = f"{name}.{leg}" if isinstance(leg, str) else str(name)
        rest = {k: v for k, v in document.items() if k not in HEAD and v not in (False, "", None)}
        return f"  {document['event_seq']:>4} {kind} {whom} {_words(rest)}".rstrip()


def tree_words(node: dict[str, Any]) -> str:
    """An order in words, brackets where a relation begins and ends."""
    kind = node["type"]
    if kind in ("oco", "all"):
        how = f" {node['on_partial_fill']}" if "on_partial_fill" in node else ""
        return f"{kind}{how}({', '.join(tree_words(one) for one in node['legs'])})"
    if kind == "oto":
        return f"oto{_active(node)}({tree_words(node['first'])} then {tree_words(node['then'])})"
    if kind == "bracket":
        parts = [tree_words(node["entry"])]
        targets = node.get("take_profit") or []
        for target in [targets] if isinstance(targets, dict) else targets:
            parts.append(f"target {tree_words(target)}")
        if node.get("stop_loss"):
            parts.append(f"stop {tree_words(node['stop_loss'])}")
        return f"bracket{_active(node)}({', '.join(parts)})"
    words = [node.get("id", ""), node.get("side", ""), node.get("quantity", ""), kind]
    skip = ("id", "side", "quantity", "type")
    rest = {k: v for k, v in node.items() if k not in skip}
    return " ".join(word for word in (*words, _words(rest)) if word)


def _active(node: dict[str, Any]) -> str:
    return f" {node['activate_on']}" if "activate_on" in node else ""


def _words(document: dict[str, Any]) -> str:
    parts = []
    for name, value in document.items():
        if isinstance(value, dict):
            parts.append(f"{name} {{{_words(value)}}}")
        elif isinstance(value, list | tuple):
            parts.append(f"{name} {msgspec.json.encode(value).decode()}")
        elif value is True:
            parts.append(name)
        else:
            parts.append(f"{name} {value}")
    return ", ".join(parts)


def _prices(grid: Grid, price: int | None, trigger: int | None) -> list[str]:
    words = []
    if trigger is not None:
        words.append(f"stop at {grid.price_text(trigger)}")
    if price is not None:
        words.append(f"@ {grid.price_text(price)}")
    return words


def _execution(grid: Grid | None, execution: r.Execution) -> str:
    if grid is None:
        return f"{execution.quantity} @ {execution.price} ({execution.exec_id})"
    price, size = grid.price_text(execution.price), grid.quantity_text(execution.quantity)
    return f"{size} @ {price} ({execution.exec_id})"


def _best(grid: Grid, levels: tuple[tuple[int, int], ...]) -> str:
    return grid.price_text(levels[0][0]) if levels else "-"


def _answer(command: c.Command, answer: c.Answer) -> str:
    name = getattr(command, "client_order_id", None) or type(command).__name__
    if isinstance(answer, c.Accepted):
        again = ", as before" if answer.replayed else ""
        return f"{name} accepted{again} {answer.order_id}".rstrip()
    return f"{name} refused: {answer.code} {answer.path} {answer.rule}"


def _calendar(told: Told) -> str:
    spans = ", ".join(f"{one.open} to {one.close}" for one in told.hours) or "at no time"
    return f"calendar {told.calendar}: {told.instrument} trades from {spans}"


def _clock(step: ClockStep) -> str:
    way = "forward" if step.by_ns > 0 else "back"
    return f"the server's clock jumps {way} by {abs(step.by_ns) / 1e9:.3f} s"


def _setting(plan: Plan) -> Iterable[str]:
    """The world in a few lines, before anything happens."""
    for venue in plan.venues:
        able = msgspec.to_builtins(venue.capabilities)
        yield f"venue {venue.name}: {_words(able) or 'plain'}"
        wrong = {
            n: msgspec.to_builtins(getattr(venue.faults, n)) for n in fault_names(venue.faults)
        }
        yield f"  faults: {_words(wrong) or 'none'}"
        for instrument in venue.instruments:
            yield f"  trades {_words(msgspec.to_builtins(instrument))}"
