"""Checks of a whole order: policy, sides of exits, cycles, and the market as it is now.

Decides what can only be seen with the whole tree in hand. Invariant: an order that could not work
at its venue is refused before anything is sent, naming leg and rule.
"""

from msgspec.structs import replace

from interlock.engine import legterms, prices, scope
from interlock.engine.branches import Leaf
from interlock.engine.order import STOPS, TRAILS, Leg, Order
from interlock.engine.refusal import refuse
from interlock.engine.state import State
from interlock.orders.commands import PlaceOrder
from interlock.orders.grid import Grid
from interlock.orders.legs import Hold, LegType
from interlock.orders.rejects import RejectCode
from interlock.orders.terms import AtomKind, LegTerms, OrderTerms, PolicyTerms, Span
from interlock.orders.tree import OnPartialFill, OnRecall, OnStaleFeed, Policy

CONFIRM_MS_MAX = 60_000
COOLING_OFF_S_MAX = 3_600
MS_NS = 1_000_000
SECOND_NS = 1_000_000_000
RESTS = (LegType.LIMIT, LegType.STOP, LegType.STOP_LIMIT)
USUAL = PolicyTerms()
"""Most orders have no policy of their own: they share this one."""


def policy_terms(
    state: State, place: PlaceOrder, legs: tuple[LegTerms, ...], at: int
) -> PolicyTerms:
    """The policy in the engine's units, if the venue can do what it says."""
    policy = place.policy
    if not 0 <= policy.confirm_fill_ms <= CONFIRM_MS_MAX:
        refuse(
            RejectCode.BAD_NUMBER,
            "policy.confirm_fill_ms",
            f"0 to {CONFIRM_MS_MAX} milliseconds.",
        )
    cooling_off = policy.cooling_off_s or 0
    if not 0 <= cooling_off <= COOLING_OFF_S_MAX:
        rule = f"0 to {COOLING_OFF_S_MAX} seconds."
        refuse(RejectCode.BAD_NUMBER, "policy.cooling_off_s", rule)
    _venues_can(state, policy, legs)
    safety = None
    if policy.safety_stop is not None:
        grid = state.markets[legs[0].instrument].grid
        safety = legterms.span(grid, policy.safety_stop, "policy.safety_stop", False)
    flatten_at = None
    if policy.flatten_at is not None:
        flatten_at = legterms.instant(policy.flatten_at, "policy.flatten_at")
        if flatten_at <= at:
            refuse(RejectCode.EXPIRED_ALREADY, "policy.flatten_at", "That time is already over.")
    terms = PolicyTerms(
        on_recall=policy.on_recall,
        on_overfill=policy.on_overfill,
        on_exit_reject=policy.on_exit_reject,
        on_outside_change=policy.on_outside_change,
        on_gap=policy.on_gap,
        on_stale_feed=policy.on_stale_feed,
        dust=policy.dust,
        confirm_ns=policy.confirm_fill_ms * MS_NS,
        safety_stop=safety,
        flatten_at=flatten_at,
        cooling_off_ns=cooling_off * SECOND_NS,
    )
    return USUAL if terms == USUAL else terms


def _venues_can(state: State, policy: Policy, legs: tuple[LegTerms, ...]) -> None:
    """Refuse what a venue that the order trades at cannot do, or cannot do now."""
    venues = {state.markets[leg.instrument].grid.venue: leg for leg in legs}
    for venue, leg in venues.items():
        if state.down.get(venue, False):
            refuse(
                RejectCode.VENUE_DOWN, "order", f"The connection to {venue} is down.", "Try later."
            )
        capabilities = state.capabilities_of(leg.instrument)
        if policy.on_stale_feed is OnStaleFeed.SAFETY_STOP and not capabilities.native_stop:
            refuse(
                RejectCode.NOT_SUPPORTED,
                "policy.on_stale_feed",
                f"safety_stop lets stops rest at the venue, and {venue} takes none.",
                'Set "on_stale_feed": "alert" or "flatten".',
            )
        if policy.on_recall is OnRecall.RACE and not capabilities.reduce_only:
            refuse(
                RejectCode.NOT_SUPPORTED,
                "policy.on_recall",
                f"race needs reduce-only orders, which {venue} does not know.",
                'Set "on_recall": "wait".',
            )


def exits_can_rest(state: State, terms: OrderTerms) -> None:
    """Refuse exits that would need the same coins twice where resting orders reserve them."""
    if not any(state.capabilities_of(leg.instrument).one_exit_rests for leg in terms.legs):
        return
    order = sketch(terms)
    for number, relation in enumerate(terms.relations):
        if relation.kind != "oco":
            continue
        resting = [
            leg
            for n in scope.legs_under(order, ~number)
            if (leg := terms.legs[n]).exits
            and leg.hold is Hold.VENUE
            and leg.type in RESTS
            and state.capabilities_of(leg.instrument).one_exit_rests
        ]
        stops = [leg for leg in resting if leg.type is not LegType.LIMIT]
        pair = len(relation.children) == len(resting) == 2 and len(stops) == 1
        alike = len({(leg.side, leg.quantity) for leg in resting}) == 1
        if len(resting) < 2 or (
            pair and alike and relation.on_partial_fill is OnPartialFill.CANCEL
        ):
            continue
        refuse(
            RejectCode.NOT_SUPPORTED,
            "order",
            "Exits that rest at this venue reserve what they sell: only one can rest there, or a "
            "limit and a stop of which the first fill cancels the other.",
            'Set "on_partial_fill": "cancel", or "hold": "engine" on the stop.',
        )


def with_safety_stops(state: State, terms: OrderTerms) -> OrderTerms:
    """One wide stop at the venue per position the order opens, where its policy asks for it."""
    distance = terms.policy.safety_stop
    if distance is None:
        return terms
    order = sketch(terms)
    legs = list(terms.legs)
    for number, relation in enumerate(terms.relations):
        if relation.kind != "oto":
            continue
        entry = legs[scope.legs_under(order, relation.children[0])[0]]
        if entry.exits:
            continue  # what closes a position opens none: against it there is nothing to reduce
        exits = [legs[n] for n in scope.legs_under(order, relation.children[1])]
        if not any(leg.exits for leg in exits):
            continue
        capabilities = state.capabilities_of(entry.instrument)
        if not (capabilities.native_stop and capabilities.reduce_only):
            refuse(
                RejectCode.NOT_SUPPORTED,
                "policy.safety_stop",
                "A safety stop rests at the venue as a reduce-only stop; this venue takes none.",
                "Leave it out.",
            )
        against = Span(ticks=-distance.ticks, bps=-distance.bps)
        legs.append(
            LegTerms(
                id=f"safety_stop_{number}" if number else "safety_stop",
                type=LegType.STOP,
                instrument=entry.instrument,
                side=-entry.side,
                quantity=scope.whole(order, relation.children[0]),
                trigger_price=against,
                reduce_only=entry.position_side is None,
                position_side=entry.position_side,
                hold=Hold.VENUE,
                exits=True,
                system="safety_stop",
                scope=number,
            )
        )
    if len(legs) == len(terms.legs):
        refuse(
            RejectCode.NOTHING_TO_EXIT,
            "policy.safety_stop",
            "A safety stop protects what an entry opens; this order has no entry with exits.",
            "Leave it out.",
        )
    return replace(terms, legs=tuple(legs))


def signals_protect_nothing(terms: OrderTerms) -> None:
    """Refuse stops of which every one waits for a signal: a number from outside may enter a market
    or tighten a stop, and must never be what protection depends on."""
    order = sketch(terms)
    for number, relation in enumerate(terms.relations):
        if relation.kind != "oto":
            continue
        below = scope.legs_under(order, ~number)
        stops = [n for n in below if terms.legs[n].exits and terms.legs[n].type in STOPS]
        if stops and all(_by_signal(terms.legs[n]) for n in stops):
            refuse(
                RejectCode.CONDITION_INVALID,
                f"order.{terms.legs[stops[0]].id}.when",
                "A stop that waits for a signal protects nothing while the signal is silent.",
                "Add a stop without a signal, or leave the signal out.",
            )


def _by_signal(leg: LegTerms) -> bool:
    return leg.when is not None and any(one.kind is AtomKind.SIGNAL for one in leg.when.atoms)


def sketch(terms: OrderTerms) -> Order:
    """The order as it would be, for questions about its tree."""
    return Order(terms=terms, legs=[Leg(terms=leg) for leg in terms.legs], at=0)


def cycles(terms: OrderTerms, leaves: list[Leaf]) -> None:
    """No leg may wait, through relations, conditions and rules, for itself."""
    order = sketch(terms)
    waits: list[dict[int, None]] = [{} for _ in terms.legs]
    for relation in terms.relations:
        if relation.kind == "oto":
            for child in scope.legs_under(order, relation.children[1]):
                for first in scope.legs_under(order, relation.children[0]):
                    waits[child][first] = None
    for number, leg in enumerate(terms.legs):
        for atom in leg.when.atoms if leg.when is not None else ():
            if atom.kind is AtomKind.LEG_FILLED:
                waits[number][atom.leg] = None
    for rule in terms.rules:
        for change in rule.changes:
            waits[change.leg][rule.leg] = None
    done: dict[int, bool] = {}
    for number in range(len(terms.legs)):
        circle = _circle(waits, done, number, ())
        if circle:
            names = " -> ".join(terms.legs[n].id for n in circle)
            path = leaves[circle[0]].path if circle[0] < len(leaves) else "rules"
            refuse(
                RejectCode.RULE_CYCLE,
                path,
                f"These would wait for each other for ever: {names}.",
                "Break the cycle: a leg can't wait for what waits for it.",
            )


def _circle(
    waits: list[dict[int, None]], done: dict[int, bool], leg: int, way: tuple[int, ...]
) -> tuple[int, ...]:
    """The first circle met from ``leg`` on, its first leg again at its end; or nothing."""
    if leg in way:
        return (*way[way.index(leg) :], leg)
    if done.get(leg):
        return ()
    for other in waits[leg]:
        circle = _circle(waits, done, other, (*way, leg))
        if circle:
            return circle
    done[leg] = True
    return ()


def market(state: State, terms: OrderTerms, leaves: list[Leaf], at: int) -> None:
    """Sides, bands, minimum value and triggers against the market as it is."""
    order = sketch(terms)
    for number, leaf in enumerate(leaves):
        leg = terms.legs[number]
        view = state.markets[leg.instrument]
        if view.delisted:
            refuse(
                RejectCode.INSTRUMENT_DELISTED,
                f"{leaf.path}.instrument",
                f"{leg.instrument} is delisted: its venue lists it no more.",
            )
        if view.halted:
            refuse(
                RejectCode.INSTRUMENT_HALTED,
                f"{leaf.path}.instrument",
                f"{leg.instrument} is halted.",
                "Try again when it trades.",
            )
        entry = scope.entry_of(order, number)
        if leg.exits and entry is not None:
            _side_of_entry(state, order, number, entry, leaf)
        value(view.grid, view.reference(), leg, leaf.path)
        if entry is None and leg.when is None:
            _not_through(state, leg, leaf)


def _side_of_entry(state: State, order: Order, number: int, entry: int, leaf: Leaf) -> None:
    """A target lies beyond the entry, a stop on its other side."""
    leg = order.legs[number].terms
    stop = leg.type in STOPS
    for field in ("price", "trigger_price"):
        term = getattr(leg, field)
        if term is None or (field == "price" and leg.type is LegType.STOP_LIMIT):
            continue
        base = entry_price(state, order, entry)
        if isinstance(term, Span):
            gain = term.ticks or term.bps
        elif base is None:
            continue
        else:
            gain = (term - base) * -leg.side
        if (gain >= 0) if stop else (gain <= 0):
            grid = state.markets[leg.instrument].grid
            kind = "stop" if stop else "target"
            long = leg.side < 0
            below = stop == long
            shown = f" of {grid.price_text(base)}" if base is not None else ""
            refuse(
                RejectCode.WRONG_SIDE,
                f"{leaf.path}.{field}",
                f"The {kind} of a {'long' if long else 'short'} position lies "
                f"{'below' if below else 'above'} its entry{shown}.",
                "Swap target and stop, or turn the sides round.",
            )


def entry_price(state: State, order: Order, entry: int) -> int | None:
    leg = order.legs[scope.legs_under(order, entry)[0]].terms
    for term in (leg.price, leg.trigger_price):
        if isinstance(term, int):
            return term
    if leg.type is LegType.MARKET and leg.when is None:
        return state.markets[leg.instrument].reference()
    return None


def value(grid: Grid, reference: int | None, leg: LegTerms, path: str) -> None:
    """Minimum notional at the price the leg would trade at, and the price band."""
    where, price = "market", reference
    for field in ("price", "trigger_price"):
        term = getattr(leg, field)
        if isinstance(term, int):
            legterms.check_band(grid, term, reference, f"{path}.{field}")
            if price is reference or term < (price or term):
                where, price = ("limit" if field == "price" else "stop price"), term
    if price is not None and not leg.reduce_only:
        legterms.check_notional(grid, price, leg.quantity, f"{path}.quantity", where)


def _not_through(state: State, leg: LegTerms, leaf: Leaf) -> None:
    """A stop placed beyond the market would fire at once: that is refused, not guessed at."""
    if leg.type not in STOPS or leg.type in TRAILS or not isinstance(leg.trigger_price, int):
        return
    channel = prices.channel_of(leg.trigger_by, leg.side)
    view = state.markets[leg.instrument]
    price = view.price(channel)
    if price is None:
        return
    level = prices.in_channel(channel, leg.trigger_price)
    if price >= level if leg.side > 0 else price <= level:
        shown = view.grid.price_text(leg.trigger_price)
        refuse(
            RejectCode.STOP_THROUGH_MARKET,
            f"{leaf.path}.trigger_price",
            f"The market ({leg.trigger_by}) is already through {shown}.",
            "Send a trigger the market has not reached, or a market order.",
        )
