"""The wire: parameters as they arrive, signatures, and errors as Binance words them.

Decides whether a request is well formed and signed. Invariant: what is signed is the text exactly
as it was sent, query first and body after it, without the signature itself (VENUES 1.11).
"""

import hashlib
import hmac
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from interlock.orders.grid import Grid
from interlock.orders.numbers import NumberProblem

RECV_WINDOW_MS = 5_000
RECV_WINDOW_MS_MAX = 60_000
AHEAD_MS = 1_000
"""How far a timestamp may be ahead of the exchange's clock."""


class WireError(Exception):
    """An answer that is an error: HTTP status, code and text."""

    def __init__(
        self,
        code: int,
        msg: str,
        status: int = 400,
        headers: dict[str, str] | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code} {msg}")
        self.code, self.msg, self.status = code, msg, status
        self.headers = headers or {}
        self.data = data
        """What was done and what was not, where an answer tells of two things."""

    def body(self) -> dict[str, Any]:
        told: dict[str, Any] = {"code": self.code, "msg": self.msg}
        return told if self.data is None else {**told, "data": self.data}


def mandatory(name: str) -> WireError:
    return WireError(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def illegal(name: str) -> WireError:
    return WireError(-1100, f"Illegal characters found in parameter '{name}'.")


class Params:
    """The parameters of one request, from query and body."""

    def __init__(self, query: str, body: str = "") -> None:
        self._raw = (query, body)
        self._values: dict[str, str] = {}
        for part in self._raw:
            for name, value in parse_qsl(part, keep_blank_values=True):
                if name in self._values:
                    raise WireError(-1101, f"Duplicate values for parameter '{name}'.")
                self._values[name] = value

    def __contains__(self, name: str) -> bool:
        return bool(self._values.get(name))

    def given(self) -> dict[str, str]:
        return dict(self._values)

    def text(self, name: str) -> str:
        value = self._values.get(name, "")
        if not value:
            raise mandatory(name)
        return value

    def maybe(self, name: str) -> str | None:
        return self._values.get(name) or None

    def choice(self, name: str, known: Iterable[str], default: str | None = None) -> str:
        value = self._values.get(name) or default
        if value is None:
            raise mandatory(name)
        if value not in known:
            raise WireError(-1130, f"Data sent for parameter '{name}' is not valid.")
        return value

    def flag(self, name: str) -> bool:
        value = self._values.get(name, "").lower()
        if value not in ("", "true", "false"):
            raise WireError(-1130, f"Data sent for parameter '{name}' is not valid.")
        return value == "true"

    def whole(self, name: str, default: int | None = None) -> int:
        value = self._values.get(name, "")
        if not value and default is not None:
            return default
        if not value:
            raise mandatory(name)
        if not (value.isascii() and value.isdigit()):
            raise illegal(name)
        return int(value)

    def decimal(self, name: str) -> Decimal | None:
        value = self._values.get(name)
        if not value:
            return None
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise illegal(name) from None
        if not number.is_finite() or number < 0:
            raise illegal(name)
        return number

    def price(self, name: str, grid: Grid) -> int | None:
        """In price increments. Raises as the exchange does for what is off the tick."""
        return self._units(name, grid, "price")

    def quantity(self, name: str, grid: Grid) -> int | None:
        return self._units(name, grid, "quantity")

    def _units(self, name: str, grid: Grid, what: str) -> int | None:
        number = self.decimal(name)
        if number is None:
            return None
        text = format(number, "f")
        units = grid.price_units(text) if what == "price" else grid.quantity_units(text)
        if isinstance(units, NumberProblem):
            raise WireError(-1111, "Precision is over the maximum defined for this asset.")
        return units

    def payload(self) -> str:
        """What must have been signed."""
        parts = []
        for raw in self._raw:
            kept = [pair for pair in raw.split("&") if not pair.startswith("signature=")]
            parts.append("&".join(pair for pair in kept if pair))
        return "".join(parts)

    def signature(self) -> str:
        for raw in self._raw:
            for pair in raw.split("&"):
                if pair.startswith("signature="):
                    return unquote_plus(pair.removeprefix("signature="))
        raise mandatory("signature")


def check_signed(params: Params, secret: str, now_ms: int) -> None:
    """Raises ``WireError`` for a signature or a timestamp that the exchange would not take."""
    given = params.signature().lower()
    want = hmac.new(secret.encode(), params.payload().encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(given, want):
        raise WireError(-1022, "Signature for this request is not valid.")
    check_time(params, now_ms)


def check_time(params: Params, now_ms: int) -> None:
    window = params.whole("recvWindow", RECV_WINDOW_MS)
    if window > RECV_WINDOW_MS_MAX:
        raise WireError(-1131, f"recvWindow must be less than {RECV_WINDOW_MS_MAX}.")
    timestamp = params.whole("timestamp")
    if timestamp >= now_ms + AHEAD_MS:
        raise WireError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - timestamp > window:
        raise WireError(-1021, "Timestamp for this request is outside of the recvWindow.")
