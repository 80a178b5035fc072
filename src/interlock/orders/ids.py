"""Ids: derived, never drawn by chance, so that a replay makes the same ones.

An order id comes from the journal's sequence number of its acceptance; a venue order's client id
from (order, leg, attempt). Fixed width keeps order ids sorting in the order of their acceptance.
"""

import re
from typing import Final

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = [high + low for high in _DIGITS for low in _DIGITS]
_ONES: Final = ["o" + digit for digit in _DIGITS]
_BASE: Final = 36 * 36
LENGTH: Final = 8
_OURS = re.compile(r"(o[0-9a-z]{7})\.([0-9]{1,9})\.([0-9]{1,9})")


def order_id(seq: int) -> str:
    """The id of the order accepted at journal sequence ``seq``: ``o`` and 7 base-36 digits."""
    low = seq % _BASE
    rest = seq // _BASE
    middle = rest % _BASE
    rest = rest // _BASE
    top = rest // _BASE
    assert top < len(_ONES), "order ids are exhausted"
    return _ONES[top] + _PAIRS[rest % _BASE] + (_PAIRS[middle] + _PAIRS[low])


def order_number(text: str) -> int:
    """The sequence number ``order_id`` was made from; -1 for any other text."""
    digits = text[1:]
    if len(text) != LENGTH or text[0] != "o" or not (digits.isascii() and digits.isalnum()):
        return -1
    return int(digits, 36) if digits.islower() or digits.isdigit() else -1


def client_id(order: str, leg: int, attempt: int) -> str:
    """The id a venue knows one attempt by: ``o00001a7.2.1``. Short enough for any venue."""
    return f"{order}.{leg}.{attempt}"


def parse_client_id(text: str) -> tuple[str, int, int] | None:
    """Order, leg and attempt of one of our client ids; nothing for anybody else's."""
    found = _OURS.fullmatch(text)
    if found is None:
        return None
    return found[1], int(found[2]), int(found[3])
