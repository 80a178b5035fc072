"""Planted bugs in gates, blocks, breakers, countdowns and flattening."""

from mutants.bug import Bug

RISK_FROM = 2_000_000
"""The first seed whose world has limits and switches; ``sim/risks.py`` says the same."""


def _bug(name: str, path: str, old: str, new: str, harm: str, seeds: int) -> Bug:
    return Bug(name, "risk", path, old, new, harm, seeds, RISK_FROM)


RISK = (
    _bug(
        "a kill lets go what was accepted before it",
        "engine/gating.py",
        "            return block if block.waits else blocked(block)\n",
        "            return block if block.waits else None\n",
        "A stop entry that waits here goes to the market after the kill.",
        200,
    ),
    _bug(
        "a scope sees the first instrument of an order only",
        "orders/limits.py",
        "(self.instrument is None or self.instrument in instruments)",
        "(self.instrument is None or self.instrument == instruments[0])",
        "A kill of ETH leaves the ETH leg of an order that begins with BTC.",
        400,
    ),
    _bug(
        "a kill that flattens only recalls entries",
        "engine/guard.py",
        "mode = CancelMode.FLATTEN if block.level is BlockLevel.FLATTEN else CancelMode.PROTECT",
        "mode = CancelMode.PROTECT",
        "The officer says flat, and the positions stay.",
        100,
    ),
    _bug(
        "a refreshed countdown keeps its old time",
        "engine/guard.py",
        "    until = turn.at + after\n",
        "    known = turn.state.risk.countdowns.get(asked.name)\n"
        "    until = turn.at + after if known is None else known.until\n",
        "A client that is alive has its orders pulled.",
        100,
    ),
    _bug(
        "a countdown that ran out only disarms",
        "engine/lookout.py",
        "    cause, scope = BlockCause.COUNTDOWN, countdown.scope\n",
        "    return\n    cause, scope = BlockCause.COUNTDOWN, countdown.scope\n",
        "The bot is dead and its orders live on.",
        100,
    ),
    _bug(
        "a half-open breaker lets everybody try",
        "risk/book.py",
        "            if block.half_open and self.probes.get(name, order_id) == order_id:\n",
        "            if block.half_open:\n",
        "A loop that was stopped is back at full speed after the first pause.",
        400,
    ),
    _bug(
        "an exit closes a breaker",
        "engine/riskfold.py",
        "    if risk.blocks and tally.at_first(terms):",
        "    if risk.blocks:",
        "A hand that closes a position switches the strategy on again.",
        400,
    ),
    _bug(
        "an exit is held against the gates",
        "engine/gating.py",
        "    if risk.quiet or leg.exits or leg.reduce_only or leg.system:\n",
        "    if risk.quiet:\n",
        "The stop of a killed strategy is refused by its own kill.",
        50,
    ),
    _bug(
        "an entry on its way back is not counted",
        "engine/exposure.py",
        "        if order.winding and leg.venue is None:\n",
        "        if order.winding:\n",
        "Canceled and placed anew at once, both fill: twice the limit.",
        1000,
    ),
    _bug(
        "a position limit forgets what could still be bought",
        "risk/gates.py",
        "        long = line.net + line.buys + more * buys if buys else 0\n",
        "        long = line.net + more * buys if buys else 0\n",
        "Ten orders, each within the limit, fill together.",
        400,
    ),
    _bug(
        "one open order more than the limit",
        "risk/gates.py",
        "not asked.parts or limited.open < most:",
        "not asked.parts or limited.open <= most:",
        "max_open_orders is one more than it says.",
        200,
    ),
    _bug(
        "an amend passes no gate",
        "engine/changes.py",
        "        check_risk(turn.state, order, made, turn.at)\n    except",
        "    except",
        "A small order is taken, and amended to any size.",
        800,
    ),
    _bug(
        "a crossed quote is a sound one",
        "risk/feed.py",
        "        if bid >= ask:\n",
        "        if bid >= ask and not self.stale_ns:\n",
        "Entries go by a market that makes no sense.",
        100,
    ),
    _bug(
        "flattening takes the stop back at once",
        "engine/wants.py",
        "ends_now = False  # it protects until everything else is gone, and then goes at once",
        "pass",
        "While targets are recalled, nothing protects the position.",
        400,
    ),
    _bug(
        "a snapshot forgets what is blocked",
        "engine/digest.py",
        "        risk.blocks[(block.cause, block.name)] = block\n",
        "        pass\n",
        "A restart lifts every kill.",
        100,
    ),
    _bug(
        "a late scope counts what was before it",
        "engine/riskfold.py",
        "tally.refresh(state)  # before the scope is there: it is to count no change of before",
        "pass",
        "Open orders fall below none, and the limit never bites.",
        400,
    ),
)
