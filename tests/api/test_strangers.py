"""What strangers put on the wire: refused and logged, nothing else, and the server goes on.

Bytes that are no HTTP, requests that nearly are, signatures that nearly fit, targets, parameters
and WebSocket frames that nobody would send. ``INTERLOCK_STRANGERS`` multiplies how many.
"""

import asyncio
import base64
import io
import json
import logging
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.api.access.limits import Rate
from interlock.api.logs import Forwarding, Log
from interlock.api.route import Budget
from interlock.client.signing import signed_headers
from tests.client.house import BTC, House, until

MANY = int(os.environ.get("INTERLOCK_STRANGERS", "1"))
WIDE = dict.fromkeys(Budget, Rate(1_000_000, 1_000_000))
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
PLACE = json.dumps(
    {
        "client_order_id": "never",
        "account": "main",
        "order": {
            "type": "stop",
            "instrument": BTC,
            "side": "buy",
            "quantity": "1",
            "trigger_price": "40000",
        },
    }
).encode()


@dataclass
class Desk:
    """A server, a key, and everything that was logged."""

    house: House
    key: tuple[str, str]
    log: io.StringIO
    told: int = 0
    """How much of the log was looked at."""

    def signed(self, method: str, target: str, body: bytes = b"", **more: str) -> bytes:
        """A request as it should be, as bytes."""
        headers = {**signed_headers(*self.key, method, target, body), **more}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{lines}"
        return head.encode("latin-1") + b"\r\n" + body

    def sends(self, payloads: list[bytes], wait_s: float = 0.1) -> list[bytes]:
        """Each over a connection of its own, all at once; what came back."""

        async def one(payload: bytes) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.house.server.port)
            said = b""
            try:
                writer.write(payload)
                end = time.monotonic() + wait_s
                while (left := end - time.monotonic()) > 0:
                    more = await asyncio.wait_for(reader.read(65_536), left)
                    if not more:
                        break
                    said += more
            except (TimeoutError, ConnectionError):
                pass  # neither an answer nor patience is owed to what is no request
            writer.close()
            return said

        async def all_of_them() -> list[bytes]:
            return await asyncio.gather(*map(one, payloads))

        return asyncio.run(all_of_them())

    def goes_on(self, seq: int) -> None:
        """The server serves, nothing happened, and nothing was a bug."""
        assert httpx.get(f"{self.house.url}/health").status_code == 200
        assert self.house.server.line.state.seq == seq
        said, self.told = self.log.getvalue()[self.told :], len(self.log.getvalue())
        bugs = [line for line in said.splitlines() if '"level": "error"' in line]
        assert not bugs, bugs[0]

    @property
    def seq(self) -> int:
        return self.house.server.line.state.seq


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    out = io.StringIO()
    log = Log(out, "info", "json", "paper")
    forwarding = Forwarding(log)
    logging.getLogger("uvicorn.error").addHandler(forwarding)
    house = House(tmp_path_factory.mktemp("server"), "paper", 0, {"rates": WIDE})
    house._settings.log = log
    house.start()
    try:
        yield Desk(house, house.key("read", "trade"), out)
    finally:
        house.stop()
        logging.getLogger("uvicorn.error").removeHandler(forwarding)
        log.close()


def statuses(said: bytes) -> list[int]:
    return [int(status) for status in STATUS.findall(said)]


def bounded(examples: int) -> Any:
    return settings(
        max_examples=examples * MANY,
        deadline=None,
        derandomize=MANY == 1,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


GOOD = b"GET /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
PIECES = st.sampled_from(
    [
        *(b"\r\n", b"\n", b"\0", b" ", b":", b"\xff\xfe", b"HTTP/9.9", b"HTTP/1.1", b"%00", b"//"),
        *(b"Content-Length: -1\r\n", b"Content-Length: 99999999999999999999\r\n", b"GET "),
        *(b"Transfer-Encoding: chunked\r\n", b"zz\r\n", b"Upgrade: websocket\r\n", b"X" * 70_000),
        *(
            b"Expect: 100-continue\r\n",
            b"Connection: Upgrade\r\n",
            b"Host: \r\n",
            b"PRI * HTTP/2.0",
        ),
        *(b"X-Interlock-Key: \xf0\x9f\x92\xa5\r\n", b"Authorization: Session \r\n", b"\r\n\r\n"),
    ]
)


@st.composite
def nearly(draw: st.DrawFn) -> bytes:
    """A good request with a few of its bytes cut out, and pieces put in."""
    data = GOOD
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 12))
        data = data[:at] + draw(PIECES) + data[at + cut :]
    return data


@bounded(12)
@given(payloads=st.lists(st.one_of(st.binary(max_size=300), nearly()), min_size=6, max_size=10))
def test_what_is_no_http_is_refused_and_nothing_else(desk: Desk, payloads: list[bytes]) -> None:
    seq = desk.seq
    for said in desk.sends(payloads):
        assert all(status < 500 for status in statuses(said)), said[:300]
        assert all(status not in (201, 204) for status in statuses(said))
    desk.goes_on(seq)


def test_what_is_no_http_is_in_the_log(desk: Desk) -> None:
    (said,) = desk.sends([b"\x16\x03\x01\x02\x00 not for us\r\n\r\n"])
    assert statuses(said) == [400]
    assert "Invalid HTTP request" in until(desk.log.getvalue, lambda text: "Invalid HTTP" in text)


HEADERS = ("X-Interlock-Key", "X-Interlock-Timestamp", "X-Interlock-Nonce", "X-Interlock-Signature")
VALUE = st.one_of(
    st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=100),
    st.sampled_from(["", "0", "-1", "9" * 400, "1e3", "ik_", "٣", "NaN", "null", "A" * 5_000]),
    st.integers(-(10**30), 10**30).map(str),
)


@st.composite
def forgery(draw: st.DrawFn) -> dict[str, str]:
    """One proof's header, or several, not as they were signed."""
    names = draw(st.lists(st.sampled_from(HEADERS), min_size=1, max_size=3, unique=True))
    return {name: draw(VALUE) for name in names}


@bounded(40)
@given(forged=forgery(), target=st.sampled_from(["/v1/orders", "/v1/orders?x=1"]))
def test_a_signature_that_does_not_fit_gets_nobody_in(
    desk: Desk, forged: dict[str, str], target: str
) -> None:
    seq = desk.seq
    proof = signed_headers(*desk.key, "POST", target, PLACE)
    if all(proof.get(name) == value for name, value in forged.items()):
        return
    if set(forged) == {"X-Interlock-Nonce"} or set(forged) == {"X-Interlock-Timestamp"}:
        assert forged != proof
    sent = {name: value.encode("latin-1", "replace") for name, value in {**proof, **forged}.items()}
    with httpx.Client() as client:
        answer = client.post(f"{desk.house.url}{target}", content=PLACE, headers=sent)
    assert answer.status_code in (400, 401), answer.text
    if answer.headers["content-type"] == "application/problem+json":
        assert answer.json()["code"] in (
            *("UNAUTHENTICATED", "SIGNATURE_WRONG", "TIMESTAMP_OUTSIDE_WINDOW"),
        )
    assert desk.seq == seq


SEGMENT = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["..", ".", "%2e%2e", "\0", "a/b", "x" * 3_000, "o000001a", "\u202e", "{}"]),
)
PATHS = ("/v1/orders/{}", "/v1/orders/{}/legs/{}/cancel", "/v1/signals/{}", "/v1/{}", "/{}", "{}")


@bounded(40)
@given(
    path=st.sampled_from(PATHS),
    one=SEGMENT,
    other=SEGMENT,
    query=st.dictionaries(
        st.sampled_from(["limit", "cursor", "account", "status", "live", "x", "tag"]), SEGMENT
    ),
    method=st.sampled_from(["GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "TRACE"]),
)
def test_targets_that_lead_nowhere_are_told_so(
    desk: Desk, path: str, one: str, other: str, query: dict[str, str], method: str
) -> None:
    seq = desk.seq
    where = quote("/" + path.format(one, other).lstrip("/"), "/%")
    target = where + ("?" + urlencode(query) if query else "")
    url = httpx.URL(f"{desk.house.url}{target}")
    if url.raw_path.decode("ascii") != target:
        return  # httpx makes another one of it: ".." and the like
    headers = signed_headers(*desk.key, method, target, b"")
    answer = httpx.request(method, url, headers=headers)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and method != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        assert answer.json()["code"]
    assert desk.seq == seq


PARAM = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["-1", "0", "1", "9" * 30, "1.5", "٣", "orders,,", ",", "*", f"{BTC},x", "none", "market"]
    ),
)
PARAMS = ("from_seq", "types", "snapshot", "market", "account", "instrument", "order_id", "ticket")


@bounded(25)
@given(query=st.dictionaries(st.sampled_from(PARAMS), PARAM), last=st.none() | PARAM)
def test_parameters_of_streams_are_taken_or_refused(
    desk: Desk, query: dict[str, str], last: str | None
) -> None:
    url = httpx.URL(f"{desk.house.url}/v1/events").copy_with(params=query)
    target = url.raw_path.decode("ascii")
    more = {} if last is None else {"Last-Event-ID": last.encode("utf-8", "replace")}
    headers: dict[str, Any] = {**signed_headers(*desk.key, "GET", target, b""), **more}
    if last is not None and not (last.isprintable() and last == last.strip()):
        return  # httpx sends no such header
    with httpx.stream("GET", url, headers=headers, timeout=5) as answer:
        if answer.status_code == 200:
            first = next(answer.iter_raw(), b"")
            assert b"event: " in first or first.startswith(b":")
        else:
            assert answer.status_code in (400, 401, 403), answer.read()


def upgrade(desk: Desk, query: str = "?snapshot=orders") -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    more = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
    }
    return desk.signed("GET", f"/v1/stream{query}", **more)


@st.composite
def frame(draw: st.DrawFn) -> bytes:
    """Frames, good and bad: any opcode, any length told, masked or not, cut off or too long."""
    first = draw(st.integers(0, 255))
    body = draw(st.binary(max_size=200))
    told = draw(st.sampled_from([len(body), 0, 125, 126, 127]))
    masked = draw(st.booleans())
    length = bytes((min(told, 127) | (0x80 if masked else 0),))
    more = b""
    if told >= 126:
        more = draw(st.integers(0, 2**63 - 1)).to_bytes(8, "big")[: 2 if told == 126 else 8]
    return bytes((first,)) + length + more + (b"\1\2\3\4" if masked else b"") + body


@bounded(12)
@given(streams=st.lists(st.lists(frame(), max_size=5), min_size=4, max_size=8))
def test_frames_that_nobody_sends_end_their_own_stream_at_most(
    desk: Desk, streams: list[list[bytes]]
) -> None:
    seq = desk.seq
    payloads = [upgrade(desk) + b"".join(frames) for frames in streams]
    for said in desk.sends(payloads):
        assert all(status in (101, 400, 401) for status in statuses(said)), said[:300]
    desk.goes_on(seq)
    until(lambda: desk.house.server.streams.count, lambda count: count == 0)


def test_upgrades_that_are_none_are_refused(desk: Desk) -> None:
    good = upgrade(desk)
    payloads = [
        good.replace(b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 99"),
        good.replace(b"Sec-WebSocket-Key: ", b"Sec-WebSocket-Key: not base64 "),
        good.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
        good.replace(b"/v1/stream?", b"/v1/nowhere?"),
        good.replace(b"GET /v1/stream", b"POST /v1/stream"),
        b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ]
    seq = desk.seq
    for payload, said in zip(payloads, desk.sends(payloads, 0.5), strict=True):
        assert statuses(said) and all(400 <= status < 500 for status in statuses(said)), payload
    desk.goes_on(seq)


def test_refusals_are_in_the_trail_and_in_the_log(desk: Desk) -> None:
    """Whoever was refused can be found again: by the id that he was told."""
    answer = httpx.get(f"{desk.house.url}/v1/orders", headers={"X-Interlock-Key": "ik_nobody"})
    request_id = answer.headers["x-request-id"]
    desk.house.access.flush()
    trail = (desk.house.access.trail.path).read_text()
    assert f'"{request_id}"' in trail
    until(desk.log.getvalue, lambda text: f'"request_id": "{request_id}"' in text)
    assert desk.key[1] not in desk.log.getvalue() + trail


@pytest.mark.parametrize("host", ["", ":", "x y", "\xff", "X" * 5_000, "x,y", "[::1"])
def test_a_host_that_is_none_is_a_refusal_too(desk: Desk, host: str) -> None:
    """Found by these: the answer to it asked for the URL, and a URL takes a host."""
    head = f"GET /v1/orders HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("latin-1")
    (said,) = desk.sends([head], 0.5)
    assert statuses(said) and statuses(said)[0] in (400, 401), said
    assert b"500" not in said.split(b"\r\n")[0]
