"""The signature: our own, the three programs of the documentation, the vectors for any other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.api.access.signing import Stamp, canonical, malformed, same, sign, signed

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "SIGNING.md").read_text()
VECTORS: list[dict[str, str]] = json.loads((DOCS / "signing-vectors.json").read_text())
NAMES = [vector["about"] for vector in VECTORS]
SECONDS_MAX = 60


def program(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert isinstance(found, str)
    return found


def parts(vector: dict[str, str]) -> tuple[str, str, str, str, str, bytes]:
    names = ("secret", "timestamp", "nonce", "method", "path")
    secret, timestamp, nonce, method, path = (vector[name] for name in names)
    return secret, timestamp, nonce, method, path, vector["body"].encode()


def run(command: list[str], text: str, **env: str) -> str:
    done = subprocess.run(
        command,
        input=text,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_our_signature_is_that_of_the_vectors(vector: dict[str, str]):
    assert canonical(*parts(vector)[1:]).decode() == vector["canonical"]
    assert sign(*parts(vector)) == vector["signature"]


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_the_python_of_the_page_signs_the_vectors(vector: dict[str, str]):
    scope: dict[str, Any] = {}
    exec(program("python"), scope)
    assert scope["sign"](*parts(vector)) == vector["signature"]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_javascript_of_the_page_signs_the_vectors():
    asking = """
    for (const v of JSON.parse(require("fs").readFileSync(0, "utf8")))
      console.log(sign(v.secret, v.timestamp, v.nonce, v.method, v.path, Buffer.from(v.body)));
    """
    said = run(["node", "-e", program("js") + asking], json.dumps(VECTORS))
    assert said.split() == [vector["signature"] for vector in VECTORS]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_the_shell_of_the_page_signs_the_vectors_and_sends_them(vector, tmp_path: Path):
    body = tmp_path / "body"
    body.write_bytes(vector["body"].encode())
    curl = "curl() { for word; do printf '%s\\n' \"$word\"; done; }\n"
    said = run(
        ["sh", "-eu"],
        curl + program("sh"),
        SERVER="http://127.0.0.1:1",
        KEY="ik_aaaaaaaaaaaaaaaa",
        SECRET=vector["secret"],
        METHOD=vector["method"],
        TARGET=vector["path"],
        BODY=str(body),
        TIMESTAMP=vector["timestamp"],
        NONCE=vector["nonce"],
    ).splitlines()
    assert f"X-Interlock-Signature: {vector['signature']}" in said
    assert f"X-Interlock-Timestamp: {vector['timestamp']}" in said
    assert f"X-Interlock-Nonce: {vector['nonce']}" in said
    assert "X-Interlock-Key: ik_aaaaaaaaaaaaaaaa" in said
    assert f"http://127.0.0.1:1{vector['path']}" in said
    assert f"@{body}" in said


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_shell_of_the_page_finds_time_and_nonce_by_itself(tmp_path: Path):
    body = tmp_path / "body"
    body.write_bytes(b"")
    curl = 'curl() { echo "$TIMESTAMP $NONCE $SIGNATURE"; }\n'
    words = {"SERVER": "", "KEY": "k", "SECRET": "s", "METHOD": "GET", "TARGET": "/"}
    said = run(["sh", "-eu"], curl + program("sh"), **words, BODY=str(body))
    stamp = Stamp(*said.split())
    assert not malformed(stamp)
    assert signed("s", stamp, "GET", "/", b"")


def test_each_program_is_ten_lines_or_about():
    for language in ("python", "js", "sh"):
        assert len([line for line in program(language).splitlines() if line]) <= 10


def test_the_vectors_hold_what_is_hard():
    assert len(VECTORS) >= 6
    assert any(not vector["body"] for vector in VECTORS)
    assert any("%" in vector["path"] for vector in VECTORS)
    assert any(not vector["body"].isascii() for vector in VECTORS)
    assert any("\n" in vector["body"] for vector in VECTORS)
    assert VECTORS[1]["canonical"] in PAGE


STAMPS = st.from_regex(r"[0-9]{1,15}", fullmatch=True)
NONCES = st.from_regex(r"[A-Za-z0-9_-]{8,64}", fullmatch=True)
METHODS = st.from_regex(r"[A-Z]{1,16}", fullmatch=True)
PATHS = st.from_regex(r"/[!-~]{0,40}", fullmatch=True)
REQUESTS = st.tuples(STAMPS, NONCES, METHODS, PATHS, st.binary(max_size=40))


@given(one=REQUESTS, other=REQUESTS)
def test_different_requests_have_different_texts(one, other):
    assert (canonical(*one) == canonical(*other)) == (one == other)


@given(one=st.text(), other=st.text())
def test_comparing_takes_any_text(one: str, other: str):
    assert same(one, other) == (one == other)
