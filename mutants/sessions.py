"""Planted bugs in sessions, signals, second thoughts, and in gates that look at prices."""

from mutants.bug import Bug

SESSIONS_FROM = 3_000_000
"""The first seed whose markets close; ``sim/sessions.py`` says the same."""


def _bug(
    name: str, path: str, old: str, new: str, harm: str, seeds: int, area: str = "sessions"
) -> Bug:
    return Bug(name, area, path, old, new, harm, seeds, SESSIONS_FROM)


def _thought(name: str, path: str, old: str, new: str, harm: str, seeds: int) -> Bug:
    return _bug(name, path, old, new, harm, seeds, "thoughts")


SESSIONS = (
    _bug(
        "a time of day does not move with a half day",
        "orders/sessions.py",
        "    at = usual - (hours.offset_s + hours.early_s) * SECOND_NS\n",
        "    at = usual - hours.offset_s * SECOND_NS\n",
        "Flat at 15:50, and the market has closed at 13:00.",
        100,
    ),
    _bug(
        "a closed market lets entries go",
        "engine/sessions.py",
        "    if now is None:\n        opens",
        "    if now is None:\n        return\n        opens",
        "A stop entry goes to a venue that is closed.",
        100,
    ),
    _bug(
        "flatten_at recalls, and closes nothing",
        "engine/sessions.py",
        '    ("flatten_at", BlockLevel.FLATTEN),\n',
        '    ("flatten_at", BlockLevel.RECALL_ALL),\n',
        "The position is held over night.",
        100,
    ),
    _bug(
        "a close that finds a position says nothing",
        "engine/sessions.py",
        "                _closed_on(turn, symbol, policies)\n",
        "                pass\n",
        "Nobody knows that the book is not flat.",
        200,
    ),
    _bug(
        "a day order lives until the next close",
        "engine/sessions.py",
        "    hours = now or after\n",
        "    hours = after or now\n",
        "An order for today is there tomorrow.",
        100,
    ),
    _bug(
        "nobody wakes for what comes before a close",
        "engine/sessions.py",
        "                moments += [moment(text, hours) for text in texts if text is not None]\n",
        "                pass\n",
        "A quiet market is not flattened in time.",
        100,
    ),
    _bug(
        "a delisting is not told",
        "engine/trading.py",
        "            _tell(turn, symbol, report.detail)\n",
        "            pass\n",
        "An order waits for a market that never comes back.",
        400,
    ),
)


THOUGHTS = (
    _thought(
        "a token is good at once",
        "engine/thoughts.py",
        "        if keyed.second_thought == token and asked.valid_from <= turn.at:\n",
        "        if keyed.second_thought == token:\n",
        "A stop is gone in the heat of the moment.",
        200,
    ),
    _thought(
        "a token is good for any request",
        "engine/thoughts.py",
        "asked.order_id == order.id and asked.digest == digest and turn.at <= asked.until",
        "asked.order_id == order.id and turn.at <= asked.until",
        "Asked to move the stop by a tick, told to take it away.",
        200,
    ),
    _thought(
        "releasing many orders is not asked about",
        "engine/thoughts.py",
        "        case c.CancelOrders() if command.exposure is c.CancelMode.RELEASE:\n",
        "        case c.CancelOrders() if False:\n",
        "One click, and every position is bare.",
        400,
    ),
    _thought(
        "a smaller stop is no weaker one",
        "engine/protection.py",
        "    if after.quantity < before.quantity or (",
        "    if (",
        "Nine tenths of the position are bare, and nobody was asked.",
        400,
    ),
    _thought(
        "a nearer stop has to wait",
        "engine/protection.py",
        "    return (old - new) * -before.side > 0\n",
        "    return old != new\n",
        "A trader who takes risk off is held back.",
        200,
    ),
    _thought(
        "a buy stop is taken for a sell stop",
        "engine/protection.py",
        "    return (old - new) * -before.side > 0\n",
        "    return old > new\n",
        "The stop of a short is moved away at once.",
        200,
    ),
    _thought(
        "flattening has to wait",
        "engine/thoughts.py",
        "        case c.CancelOrder() if command.exposure is c.CancelMode.RELEASE:\n",
        "        case c.CancelOrder() if command.exposure is not c.CancelMode.PROTECT:\n",
        "Get me out, and be told to think about it.",
        200,
    ),
)


def _signal(name: str, path: str, old: str, new: str, harm: str, seeds: int) -> Bug:
    return _bug(name, path, old, new, harm, seeds, "signals")


SIGNALS = (
    _signal(
        "a frozen signal still fires",
        "engine/firing.py",
        "    if turn.state.signal_book and conditions.frozen(turn, leg.terms.when.atoms):\n",
        "    if False:\n",
        "A feed that says 900 for 9.00 buys everything.",
        100,
    ),
    _signal(
        "what is too high is taken",
        "engine/signals.py",
        '    for setting, sign in (("low", -1), ("high", 1)):\n',
        '    for setting, sign in (("low", -1),):\n',
        "The same, with a schema that was to prevent it.",
        100,
    ),
    _signal(
        "a signal thaws as soon as it is sound",
        "engine/signals.py",
        "    if turn.at < book.frozen_at + book.rules.cool_s * SECOND_NS:\n        return\n",
        "",
        "A feed that jumps back and forth fires in between.",
        100,
    ),
    _signal(
        "a quorum is of all that was ever said",
        "engine/signals.py",
        "    values = sorted(value for value, at in book.heard.values() if at >= oldest)\n",
        "    values = sorted(value for value, at in book.heard.values() if oldest)\n",
        "One source says so now, and one an hour ago.",
        100,
    ),
    _signal(
        "any price corroborates",
        "engine/signals.py",
        "    return moved >= move.move_bps\n",
        "    return True\n",
        "A rumour fires though no price has moved.",
        400,
    ),
    _signal(
        "nobody notices that a signal is silent",
        "engine/signals.py",
        "        if 0 < due <= turn.at:\n",
        "        if 0 < due < 0:\n",
        "A leg waits for a source that has died.",
        200,
    ),
    _signal(
        "every stop may wait for a signal",
        "engine/checks.py",
        "        if stops and all(_by_signal(terms.legs[n]) for n in stops):\n",
        "        if stops and False:\n",
        "A position is protected by a number that may never come.",
        400,
    ),
    _signal(
        "a snapshot forgets that a signal is frozen",
        "engine/digest.py",
        "        known.at, known.frozen_at, known.sound, known.heard = at, frozen_at, sound, heard",
        "        known.at, known.sound, known.heard = at, sound, heard",
        "A restart believes the feed again.",
        200,
    ),
)


def _worth(name: str, path: str, old: str, new: str, harm: str, seeds: int) -> Bug:
    return _bug(name, path, old, new, harm, seeds, "worth")


WORTH = (
    _worth(
        "the collar looks the wrong way",
        "risk/gates.py",
        "        beyond = (leg.limit - about) * leg.side\n",
        "        beyond = (about - leg.limit) * leg.side\n",
        "A buy limit at ten times the price passes.",
        100,
    ),
    _worth(
        "a stop may be as far from its entry as it likes",
        "risk/gates.py",
        '("max_stop_distance_bps", most, most is not None and distance > most),',
        '("max_stop_distance_bps", most, False),',
        "A stop at half the price is no protection.",
        400,
    ),
    _worth(
        "exposure forgets what is held",
        "risk/limited.py",
        "        return max(self.net + self.buys + buys, self.sells + sells - self.net, 0)\n",
        "        return max(self.buys + buys, self.sells + sells, 0)\n",
        "Position after position, each within the limit by itself.",
        800,
    ),
    _worth(
        "a loss is looked at with the next thing that is due",
        "risk/book.py",
        "            if one.loss_max != NONE:\n                self.look_at",
        "            if one.loss_max != NONE and not self.look_at:\n                self.look_at",
        "A countdown is armed for the evening, and the day's loss runs until then.",
        800,
    ),
    _worth(
        "fees are no loss",
        "risk/holding.py",
        "            basis, realised = signed * price, -fee\n",
        "            basis, realised = signed * price, 0\n",
        "A strategy that churns loses without end.",
        400,
    ),
    _worth(
        "a day begins with nothing",
        "engine/lookout.py",
        "turn.emit(f.LossDayBegan(turn.at, limited.scope, limited.equity(), until))",
        "turn.emit(f.LossDayBegan(turn.at, limited.scope, 0, until))",
        "Yesterday's gain may be lost on top of today's limit.",
        400,
    ),
    _worth(
        "an order needs no margin of its own",
        "risk/gates.py",
        "    free -= needed(limited.limits, asked)\n",
        "",
        "The venue refuses what was let through, in the middle of a ladder.",
        400,
    ),
)
