"""Requests made from the OpenAPI document, good and bad: no 5xx, nothing outside the schema."""

import asyncio
import os
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.house import serving

EXAMPLES = int(os.environ.get("INTERLOCK_SCHEMA_EXAMPLES", "6"))
"""Requests made per operation; ``script/fuzz`` makes thousands."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on a thread of its own: the requests come from this one."""
    up, found, stop = threading.Event(), [""], [lambda: None]

    async def life() -> None:
        ending = asyncio.Event()
        loop = asyncio.get_running_loop()
        stop[0] = lambda: loop.call_soon_threadsafe(ending.set)
        async with serving(tmp_path_factory.mktemp("server"), signals=False) as (server, _):
            found[0] = f"http://127.0.0.1:{server.port}"
            up.set()
            await ending.wait()

    thread = threading.Thread(target=lambda: asyncio.run(life()))
    thread.start()
    assert up.wait(20)
    yield found[0]
    stop[0]()
    thread.join(20)


LEFT_OUT = ("/v1/events", "/v1/kill", "/docs")
"""Streams have no end; the others change who may ask."""
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


def test_whatever_is_sent_is_answered_within_the_schema(url: str) -> None:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.startswith(LEFT_OUT):
            continue

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=EXAMPLES < 100,
            database=None,
        )
        @given(case=operation.as_strategy())
        def one(case: Any) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(checks=CHECKS)

        one()
    assert asked > EXAMPLES * 15


def test_the_document_tells_of_every_route_and_each_body_example_is_taken(url: str) -> None:

    document = httpx.get(f"{url}/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert len(document["paths"]) >= 20
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            for status, response in operation["responses"].items():
                assert response["description"], (method, path, status)
