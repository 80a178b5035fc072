"""The OpenAPI 3.1 document, made from the routes.

Decides how a route reads as an operation. Invariant: everything the server answers to is in it,
every error with an example, and nothing else is.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

from interlock.api.problems import MEDIA_TYPE, ApiCode, Code, Problem, problem
from interlock.api.route import Param, Route
from interlock.orders.rejects import RejectCode

Document = dict[str, Any]
REF = "#/components/schemas/{name}"
SIGNED = (
    "Every request is signed: see the page on signing. `X-Interlock-Key` names the key, "
    "`X-Interlock-Timestamp` and `X-Interlock-Nonce` make a request unlike any other, and "
    "`X-Interlock-Signature` proves it."
)
ALWAYS = (
    *(ApiCode.UNAUTHENTICATED, ApiCode.SIGNATURE_WRONG, ApiCode.SCOPE_MISSING),
    *(ApiCode.RATE_LIMITED, ApiCode.STOPPING),
)
"""What any route that is not open may answer."""
BODY = (RejectCode.MALFORMED, RejectCode.UNKNOWN_FIELD, RejectCode.BAD_NUMBER)
SHAPE: tuple[ApiCode, ...] = (ApiCode.BODY_TOO_LARGE,)
SECURITY: Document = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Interlock-Key",
        "description": SIGNED,
    },
    "token": {
        "type": "oauth2",
        "description": "A short-lived token bound to its key. It does not replace the signature.",
        "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {}}},
    },
    "session": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Session TOKEN`, for a person with the admin password.",
    },
}


def document(routes: Iterable[Route], version: str) -> Document:
    """The whole document."""
    routes = list(routes)
    kinds = [kind for route in routes for kind in kinds_of(route)]
    schemas, components = msgspec.json.schema_components(
        [*kinds, Problem], ref_template=REF, schema_hook=_anything
    )
    known = dict(zip(map(repr, [*kinds, Problem]), schemas, strict=True))
    paths: Document = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route, known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Interlock",
            "version": version,
            "description": "A contingent-order server: one position, one exit; nothing left "
            "behind; nothing forgotten.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": SECURITY},
    }


def kinds_of(route: Route) -> list[Any]:
    kinds = [route.body, route.answer, *(kind for _, kind in route.other)]
    return [kind for kind in kinds if kind is not None]


def _anything(kind: type) -> Document:
    """``Raw`` is a document of any shape."""
    return {"type": "object"}


def operation(route: Route, known: Document) -> Document:
    out: Document = {
        "operationId": operation_id(route),
        "tags": [route.tag],
        "summary": route.summary,
        "parameters": [parameter(param) for param in route.params],
        "responses": responses(route, known),
        "security": security(route),
    }
    if route.description:
        out["description"] = route.description
    if route.keyed:
        out["parameters"].append(IDEMPOTENCY_KEY)
    if route.body is not None:
        examples = {name: {"value": value} for name, value in route.bodies.items()}
        content = {"schema": known[repr(route.body)], "examples": examples}
        out["requestBody"] = {
            "required": not optional(route),
            "content": dict.fromkeys(route.media_types, content),
        }
    return out


IDEMPOTENCY_KEY: Document = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "New for each request, the same when it is repeated: it is carried out once, "
    "and answered the same for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    "example": "6f1e8a52",
}


def optional(route: Route) -> bool:
    """Whether an empty body stands for one with every default."""
    fields = getattr(route.body, "__struct_fields__", ())
    return bool(fields) and len(getattr(route.body, "__struct_defaults__", ())) == len(fields)


def operation_id(route: Route) -> str:
    words = route.path.strip("/").replace("{", "").replace("}", "").replace("/", "_")
    return f"{route.method.lower()}_{words}"


def parameter(param: Param) -> Document:
    out: Document = {
        "name": param.name,
        "in": param.place,
        "required": param.required,
        "description": param.description,
        "schema": param.schema,
    }
    if param.example is not None:
        out["example"] = param.example
    return out


def security(route: Route) -> list[Document]:
    if route.scope is None:
        return []
    if route.session_only:
        return [{"session": []}]
    return [{"key": []}, {"token": []}, {"session": []}]


def responses(route: Route, known: Document) -> Document:
    content: Document = {route.media: {"schema": {"type": "string"}}}
    if route.answer is None and route.example is not None:
        content[route.media]["example"] = route.example
    if route.answer is not None:
        content = {"application/json": {"schema": known[repr(route.answer)]}}
        if route.example is not None:
            content["application/json"]["example"] = route.example
    said = HTTPStatus(route.status).phrase
    out: Document = {str(route.status): {"description": said, "content": content}}
    if route.status == HTTPStatus.CREATED:
        out["200"] = {"description": "It had been placed before", "content": content}
    for status, kind in route.other:
        shape = {"application/json": {"schema": known[repr(kind)]}}
        out[str(status)] = {"description": HTTPStatus(status).phrase, "content": shape}
    by_status: dict[int, dict[str, Document]] = {}
    for code in errors(route):
        shown = problem(code, "What was broken, as a sentence.", "What to send instead.")
        by_status.setdefault(shown.status, {})[code] = {"value": msgspec.to_builtins(shown)}
    for status, examples in sorted(by_status.items()):
        said = HTTPStatus(status).phrase
        answer = out.setdefault(str(status), {"description": said, "content": {}})
        shape = {"schema": known[repr(Problem)], "examples": examples}
        answer["content"] = {**answer["content"], MEDIA_TYPE: shape}
    return out


def errors(route: Route) -> list[Code]:
    """Every code that the route may answer with."""
    codes: list[Code] = list(route.errors)
    if route.scope is not None:
        codes += ALWAYS
        codes.append(ApiCode.INTERNAL)
    if route.body is not None:
        codes += [*BODY, *SHAPE]
    if route.keyed:
        codes += [ApiCode.IDEMPOTENCY_KEY_MISSING, RejectCode.KEY_REUSED, RejectCode.BAD_NUMBER]
    return list(dict.fromkeys(codes))
