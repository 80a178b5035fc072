"""Planted bugs in sessions, signals, second thoughts, and in gates that look at prices."""

from mutants.bug import Bug

SESSIONS_FROM = 3_000_000
"""The first seed whose markets close; ``sim/sessions.py`` says the same."""


def _bug(name: str, path: str, old: str, new: str, harm: str, seeds: int) -> Bug:
    return Bug(name, "sessions", path, old, new, harm, seeds, SESSIONS_FROM)


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
