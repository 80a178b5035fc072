"""Problems: every no of the server as an RFC 9457 document with a code that never changes.

Decides the HTTP status of each refusal and how a refusal points at its field. Invariant: whatever a
client sends, it is answered with one of these or with success; a bug alone is a 500.
"""

from enum import StrEnum
from http import HTTPStatus

from msgspec import Struct
from msgspec.structs import replace

from interlock.api.second_thoughts import ThoughtView
from interlock.orders.limits import Breach
from interlock.orders.rejects import Reject, RejectCode

MEDIA_TYPE = "application/problem+json"


class ApiCode(StrEnum):
    """Refusals that are the server's own; the engine's are ``RejectCode``."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    SIGNATURE_WRONG = "SIGNATURE_WRONG"
    TIMESTAMP_OUTSIDE_WINDOW = "TIMESTAMP_OUTSIDE_WINDOW"
    NONCE_REUSED = "NONCE_REUSED"
    KEY_EXPIRED = "KEY_EXPIRED"
    KEY_REVOKED = "KEY_REVOKED"
    TOKEN_INVALID = "TOKEN_INVALID"
    IP_NOT_ALLOWED = "IP_NOT_ALLOWED"
    SCOPE_MISSING = "SCOPE_MISSING"
    ACCOUNT_NOT_ALLOWED = "ACCOUNT_NOT_ALLOWED"
    KEY_NOT_YOURS = "KEY_NOT_YOURS"
    ADMIN_SESSION_NEEDED = "ADMIN_SESSION_NEEDED"
    RATE_LIMITED = "RATE_LIMITED"
    TOO_SLOW = "TOO_SLOW"
    TRADING_HALTED = "TRADING_HALTED"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    IDEMPOTENCY_KEY_MISSING = "IDEMPOTENCY_KEY_MISSING"
    QUERY_INVALID = "QUERY_INVALID"
    STOPPING = "STOPPING"
    INTERNAL = "INTERNAL"


Code = ApiCode | RejectCode


class Problem(Struct, frozen=True, omit_defaults=True):
    """RFC 9457, with what a program needs to act on it."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    """The rule that was broken, as a sentence."""
    pointer: str = ""
    """RFC 6901: the field of the request that broke it."""
    way_out: str = ""
    """What to send instead."""
    setting: str = ""
    """The setting that governs the rule, where one does."""
    retry: bool = False
    """Whether the very same request can do better later."""
    breach: Breach | None = None
    """Of a risk gate: which setting of which scope, what figure against what limit."""
    second_thought: ThoughtView | None = None
    """Of a request that is held back: the token, and what it would change."""


STATUS: dict[str, int] = {
    **dict.fromkeys(
        (
            *("MALFORMED", "UNKNOWN_FIELD", "MISSING_FIELD", "WRONG_TYPE", "UNKNOWN_VALUE"),
            *(ApiCode.IDEMPOTENCY_KEY_MISSING, ApiCode.QUERY_INVALID),
        ),
        HTTPStatus.BAD_REQUEST,
    ),
    **dict.fromkeys(
        (
            *(ApiCode.UNAUTHENTICATED, ApiCode.SIGNATURE_WRONG, ApiCode.TIMESTAMP_OUTSIDE_WINDOW),
            *(ApiCode.NONCE_REUSED, ApiCode.KEY_EXPIRED, ApiCode.KEY_REVOKED),
            ApiCode.TOKEN_INVALID,
        ),
        HTTPStatus.UNAUTHORIZED,
    ),
    **dict.fromkeys(
        (
            *(ApiCode.IP_NOT_ALLOWED, ApiCode.SCOPE_MISSING, ApiCode.ACCOUNT_NOT_ALLOWED),
            *(ApiCode.KEY_NOT_YOURS, ApiCode.ADMIN_SESSION_NEEDED, ApiCode.TRADING_HALTED),
        ),
        HTTPStatus.FORBIDDEN,
    ),
    **dict.fromkeys(("ORDER_UNKNOWN", "LEG_UNKNOWN", ApiCode.NOT_FOUND), HTTPStatus.NOT_FOUND),
    **dict.fromkeys(
        (
            *("DUPLICATE_ID", "KEY_REUSED", "VERSION_MISMATCH", "ORDER_DONE", "LEG_DONE"),
            *("LEG_CLAIMED", "LEG_FROZEN", "NOT_AMENDABLE"),
        ),
        HTTPStatus.CONFLICT,
    ),
    ApiCode.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    ApiCode.BODY_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ApiCode.UNSUPPORTED_MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ApiCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ApiCode.STOPPING: HTTPStatus.SERVICE_UNAVAILABLE,
    "COOLING_OFF": HTTPStatus.CONFLICT,
    "VENUE_DOWN": HTTPStatus.SERVICE_UNAVAILABLE,
    ApiCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Every other refusal is a 422: the request was understood, and cannot be done as it is."""
RETRY = frozenset((ApiCode.RATE_LIMITED, ApiCode.STOPPING))


def status_of(code: str) -> int:
    return int(STATUS.get(code, HTTPStatus.UNPROCESSABLE_ENTITY))


def problem(
    code: Code, detail: str = "", way_out: str = "", pointer: str = "", setting: str = ""
) -> Problem:
    """A problem of the server's own."""
    retry = code in RETRY or (isinstance(code, RejectCode) and code.transient)
    return Problem(
        f"urn:interlock:problem:{code.lower().replace('_', '-')}",
        code.replace("_", " ").capitalize(),
        status_of(code),
        code,
        detail,
        pointer,
        way_out,
        setting,
        retry,
    )


def of_reject(reject: Reject, under: str = "") -> Problem:
    """The engine's no, its path as a JSON pointer below ``under``."""
    pointer = under + json_pointer(reject.path)
    breach = reject.breach
    setting = "" if breach is None else breach.setting
    told = problem(reject.code, reject.rule, reject.way_out, pointer, setting)
    return told if breach is None else replace(told, breach=breach)


def json_pointer(path: str) -> str:
    """``order.legs[0].price`` as ``/order/legs/0/price``."""
    if not path:
        return ""
    steps = path.removeprefix("[").replace("[", ".").replace("]", "").split(".")
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in steps)
