"""One leg of a placed tree becomes terms: what it inherits, how it is held, what it is for.

Decides side, instrument, quantity, hold and role of a leg. Invariant: a leg that exits never asks
for more than its entry brings.
"""

from typing import Any, get_args

from interlock.engine import legterms, sessions
from interlock.engine.branches import Leaf, Place
from interlock.engine.order import STOPS
from interlock.engine.refusal import refuse
from interlock.engine.state import State
from interlock.orders.capabilities import Capabilities
from interlock.orders.commands import PlaceOrder
from interlock.orders.conditions import PriceSource
from interlock.orders.grid import Grid
from interlock.orders.instruments import PositionMode
from interlock.orders.legs import (
    Hold,
    Leg,
    LegType,
    PositionSide,
    Side,
    TimeInForce,
    TriggerConfirm,
)
from interlock.orders.rejects import RejectCode
from interlock.orders.terms import LegTerms, PriceTerm

CONFIRM_TICKS_MAX = 1000
MS_NS = 1_000_000
KINDS = {kind: LegType(str(kind.__struct_config__.tag)) for kind in get_args(Leg)}
WAIT_MS_MAX = 86_400_000


def build_leg(
    state: State, place: PlaceOrder, leaf: Leaf, name: str, above: Place | None, at: int
) -> LegTerms:
    """The leg in whole increments, or ``Refused``."""
    leg: Any = leaf.leg
    path = leaf.path
    kind = KINDS[type(leg)]
    grid = _grid(state, leg.instrument, above, path)
    side = _side(leg.side, above, path)
    exits = leg.reduce_only or (
        above is not None and grid.symbol == above.instrument and side == -above.side
    )
    quantity = _quantity(grid, leg.quantity, above, exits, place.round, path)
    capabilities = state.capabilities_of(grid.symbol)
    hold = _hold(leg, kind, place.policy.hold, capabilities, path)
    toward = _towards(place.round, kind, side)

    def price(field: str, rounding: int | None) -> PriceTerm | None:
        value = getattr(leg, field, None)
        if value is None:
            return None
        return legterms.price_term(grid, value, f"{path}.{field}", above is not None, rounding)

    trail = getattr(leg, "trail", None)
    offset = getattr(leg, "limit_offset", None)
    display = getattr(leg, "display_quantity", None)
    ticks, confirm_ns = _confirm(getattr(leg, "trigger_confirm", None), path)
    tif, expire_at = _life(state, grid, leg, at, path)
    return LegTerms(
        id=name,
        type=kind,
        instrument=grid.symbol,
        side=side,
        quantity=quantity,
        price=price("price", None if toward is None else (-1 if side > 0 else 1)),
        trigger_price=price("trigger_price", toward),
        trail=None if trail is None else legterms.span(grid, trail, f"{path}.trail", False),
        activation_price=price("activation_price", toward),
        limit_offset=(
            None if offset is None else legterms.span(grid, offset, f"{path}.limit_offset", False)
        ),
        trigger_by=getattr(leg, "trigger_by", PriceSource.LAST),
        confirm_ticks=ticks,
        confirm_ns=confirm_ns,
        display_quantity=(
            None
            if display is None
            else legterms.quantity_units(grid, display, f"{path}.display_quantity")
        ),
        time_in_force=tif,
        expire_at=expire_at,
        post_only=_able(
            getattr(leg, "post_only", False), capabilities.post_only, grid, f"{path}.post_only"
        ),
        reduce_only=_able(leg.reduce_only, capabilities.reduce_only, grid, f"{path}.reduce_only"),
        position_side=_position_side(grid, leg.position_side, above, path),
        hold=hold,
        escalate_ns=_escalate(leg, path),
        exits=exits,
    )


def _grid(state: State, symbol: str | None, above: Place | None, path: str) -> Grid:
    name = symbol or (above.instrument if above is not None else None)
    if name is None:
        refuse(
            RejectCode.MISSING_FIELD,
            f"{path}.instrument",
            "A leg that exits nothing must name its instrument.",
            'Send for example "instrument": "BTCUSDT.PAPER".',
        )
    view = state.markets.get(name)
    if view is None:
        known = ", ".join(sorted(state.markets)[:8]) or "none"
        near = next((s for s in sorted(state.markets) if s.startswith(f"{name}.")), "")
        refuse(
            RejectCode.INSTRUMENT_UNKNOWN,
            f"{path}.instrument",
            f"No instrument {name!r} is known here.",
            f"Did you mean {near}?" if near else f"Known: {known}.",
        )
    return view.grid


def _side(side: Side | None, above: Place | None, path: str) -> int:
    if side is not None:
        return side.sign
    if above is None:
        refuse(
            RejectCode.MISSING_FIELD,
            f"{path}.side",
            "A leg that exits nothing must say its side.",
            'Send "side": "buy" or "sell".',
        )
    return -above.side


def _quantity(
    grid: Grid, text: str | None, above: Place | None, exits: bool, rounds: bool, path: str
) -> int:
    where = f"{path}.quantity"
    if text is None:
        if above is None:
            refuse(
                RejectCode.MISSING_FIELD,
                where,
                "A leg that exits nothing must say its quantity.",
                'Send for example "quantity": "0.5".',
            )
        return above.quantity
    fraction = legterms.share(text, where)
    if fraction is not None:
        if above is None:
            refuse(
                RejectCode.NOTHING_TO_EXIT,
                where,
                "A share needs something to be a share of; this leg exits nothing.",
                "Send a decimal quantity.",
            )
        units = above.quantity * fraction[0] // fraction[1]
        legterms.check_quantity(grid, units, where)
        return units
    units = legterms.quantity_units(grid, text, where, -1 if rounds else None)
    if exits and above is not None and units > above.quantity:
        refuse(
            RejectCode.SHARES_EXCEED_WHOLE,
            where,
            f"It would exit {text}, more than the entry's {grid.quantity_text(above.quantity)}.",
            "Leave quantity out to exit all of it.",
        )
    return units


def _towards(rounds: bool, kind: LegType, side: int) -> int | None:
    """Rounding of triggers towards safety: a sell stop up, a buy stop down."""
    if not rounds:
        return None
    tightens = 1 if side < 0 else -1
    return tightens if kind in STOPS else -tightens


def _hold(leg: Any, kind: LegType, policy: Hold, capabilities: Capabilities, path: str) -> Hold:
    wanted = leg.hold or policy
    conditional = leg.when is not None
    if kind is LegType.MARKET and not conditional:
        return Hold.VENUE
    if wanted is Hold.AUTO:
        return Hold.VENUE if kind is LegType.LIMIT and not conditional else Hold.ENGINE
    if wanted is Hold.ENGINE:
        return Hold.ENGINE
    native = kind in (LegType.STOP, LegType.STOP_LIMIT) and capabilities.native_stop
    if conditional or not (kind in (LegType.LIMIT, LegType.MARKET) or native):
        what = "A condition" if conditional else f"A {kind}"
        refuse(
            RejectCode.NOT_SUPPORTED,
            f"{path}.hold" if leg.hold else "policy.hold",
            f"{what} can't rest at this venue; only this server can hold it.",
            'Set "hold": "auto" or "engine" on the leg.',
        )
    return Hold.VENUE


def _confirm(confirm: TriggerConfirm | None, path: str) -> tuple[int, int]:
    if confirm is None:
        return 0, 0
    where = f"{path}.trigger_confirm"
    if (confirm.ticks is None) == (confirm.ms is None):
        refuse(RejectCode.MALFORMED, where, 'Exactly one of "ticks" and "ms" must be given.')
    if confirm.ticks is not None and not 1 <= confirm.ticks <= CONFIRM_TICKS_MAX:
        refuse(RejectCode.BAD_NUMBER, f"{where}.ticks", f"1 to {CONFIRM_TICKS_MAX} ticks.")
    if confirm.ms is not None and not 1 <= confirm.ms <= WAIT_MS_MAX:
        refuse(RejectCode.BAD_NUMBER, f"{where}.ms", f"1 to {WAIT_MS_MAX} milliseconds.")
    return confirm.ticks or 0, (confirm.ms or 0) * MS_NS


def _life(state: State, grid: Grid, leg: Any, at: int, path: str) -> tuple[TimeInForce, int | None]:
    """Time in force and the moment it ends; exits last until canceled unless told otherwise."""
    tif: TimeInForce = leg.time_in_force or TimeInForce.GTC
    if tif is TimeInForce.GTD:
        if leg.expire_at is None:
            refuse(RejectCode.MISSING_FIELD, f"{path}.expire_at", "gtd needs the time it ends at.")
        ends = legterms.instant(leg.expire_at, f"{path}.expire_at")
        if ends <= at:
            refuse(RejectCode.EXPIRED_ALREADY, f"{path}.expire_at", "That time is already over.")
        return tif, ends
    if leg.expire_at is not None:
        refuse(
            RejectCode.MALFORMED,
            f"{path}.expire_at",
            f"expire_at belongs to gtd, not to {tif}.",
            'Set "time_in_force": "gtd".',
        )
    if tif is TimeInForce.DAY:
        return tif, sessions.day_end(state, grid.symbol, at, f"{path}.time_in_force")
    return tif, None


def _able(wanted: bool, can: bool, grid: Grid, path: str) -> bool:
    if wanted and not can:
        refuse(RejectCode.NOT_SUPPORTED, path, f"{grid.venue} does not know it.", "Leave it out.")
    return wanted


def _position_side(
    grid: Grid, side: PositionSide | None, above: Place | None, path: str
) -> PositionSide | None:
    hedge = grid.instrument.position_mode is PositionMode.HEDGE
    if side is None and hedge and above is not None:
        side = above.position_side
    if hedge == (side is None):
        refuse(
            RejectCode.MISSING_FIELD if hedge else RejectCode.NOT_SUPPORTED,
            f"{path}.position_side",
            f"{grid.symbol} is in {grid.instrument.position_mode} mode.",
            'Send "long" or "short".' if hedge else "Leave it out.",
        )
    return side


def _escalate(leg: Any, path: str) -> int | None:
    escalate = getattr(leg, "escalate", None)
    if escalate is None:
        return None
    if escalate.to != "market":
        refuse(
            RejectCode.UNKNOWN_VALUE,
            f"{path}.escalate.to",
            f"It can only become a market order, not {escalate.to!r}.",
            'Send "market".',
        )
    if not 1 <= escalate.after_ms <= WAIT_MS_MAX:
        refuse(
            RejectCode.BAD_NUMBER, f"{path}.escalate.after_ms", f"1 to {WAIT_MS_MAX} milliseconds."
        )
    after: int = escalate.after_ms * MS_NS
    return after
