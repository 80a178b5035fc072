"""Planted bugs in triggers, trailing and conditions."""

from mutants.bug import Bug

TRAILING = (
    Bug(
        "a watermark loosens when armed again",
        "trailing",
        "engine/reconcile.py",
        "            watermark = leg.watermark  # it goes on from there, even from no price at all",
        "            watermark = view.price(prices.channels_of(leg)[0])",
        "After a partial fill the trailing stop follows from a worse price.",
        100,
    ),
    Bug(
        "a buy trail is not mirrored",
        "trailing",
        "engine/trailing.py",
        "UNSET if watermark is None else watermark * self.sign)",
        "UNSET if watermark is None else watermark)",
        "A buy trailing stop never fires.",
        25,
    ),
    Bug(
        "basis points round to nothing",
        "trailing",
        "engine/trailing.py",
        "    return max(1, abs(wm) * bps // BPS)",
        "    return abs(wm) * bps // BPS",
        "A tight trail on a cheap instrument fires at its own high.",
        200,
    ),
    Bug(
        "basis points round up",
        "trailing",
        "engine/trailing.py",
        "    return max(1, abs(wm) * bps // BPS)",
        "    return max(1, -(-abs(wm) * bps // BPS))",
        "The trail is one increment wider than was asked for.",
        25,
    ),
    Bug(
        "an activation price is ignored",
        "trailing",
        "engine/arming.py",
        "    if terms.type in TRAILS and (leg.active or terms.activation_price is None):",
        "    if terms.type in TRAILS:",
        "The trail begins at once, and stops out a position that had not moved.",
        25,
    ),
    Bug(
        "a trailing stop-limit prices the wrong way",
        "trailing",
        "engine/prices.py",
        "leg.trigger_level + terms.side * terms.limit_offset",
        "leg.trigger_level - terms.side * terms.limit_offset",
        "The limit lies on the far side: it does not fill when it must.",
        100,
    ),
)

TRIGGERS = (
    Bug(
        "a touch is confirmed one tick early",
        "conditions",
        "engine/watching.py",
        "    if leg.terms.confirm_ticks <= 1 and not leg.terms.confirm_ns:",
        "    if leg.terms.confirm_ticks <= 2 and not leg.terms.confirm_ns:",
        "The single wick that trigger_confirm guards against fires it.",
        25,
    ),
    Bug(
        "a touch need not last",
        "conditions",
        "engine/watching.py",
        "        long_enough = terms.confirm_ns and turn.at - touch.since >= terms.confirm_ns",
        "        long_enough = terms.confirm_ns > 0",
        "The second tick of a wick fires a stop that was to wait.",
        50,
    ),
    Bug(
        "an exact touch does not fire",
        "conditions",
        "engine/triggers.py",
        "        while falls and (-falls[0].rank >= price or not falls[0].live):",
        "        while falls and (-falls[0].rank > price or not falls[0].live):",
        "The market touches the stop to the increment, and nothing happens.",
        50,
    ),
    Bug(
        "an escalation never comes",
        "conditions",
        "engine/decide.py",
        "            and leg.triggered_at + escalates <= at",
        "            and leg.triggered_at + escalates < 0",
        "A triggered stop-limit that is not filled waits while the market runs.",
        100,
    ),
)
