"""Ids: derived, never drawn by chance, so that a replay makes the same ones.

An order id comes from the journal's sequence number of its acceptance; a venue order's client id
from (order, leg, attempt). Fixed width keeps order ids sorting in the order of their acceptance.
"""

import re

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_WIDTH = 7
_PREFIX = "o"
_OURS = re.compile(r"(o[0-9a-z]{7})\.([0-9]{1,9})\.([0-9]{1,9})")


def order_id(seq: int) -> str:
    """The id of the order accepted at journal sequence ``seq``: ``o`` and 7 base-36 digits."""
    digits = []
    for _ in range(_WIDTH):
        seq, digit = divmod(seq, 36)
        digits.append(_DIGITS[digit])
    assert seq == 0, "order ids are exhausted"
    return _PREFIX + "".join(reversed(digits))


def client_id(order: str, leg: int, attempt: int) -> str:
    """The id a venue knows one attempt by: ``o00001a7.2.1``. Short enough for any venue."""
    return f"{order}.{leg}.{attempt}"


def parse_client_id(text: str) -> tuple[str, int, int] | None:
    """Order, leg and attempt of one of our client ids; nothing for anybody else's."""
    found = _OURS.fullmatch(text)
    if found is None:
        return None
    return found[1], int(found[2]), int(found[3])
