"""The server itself, killed under load through its own API: signed batches, amends and cancels.

Decides what a client may believe of an acknowledgement over HTTP. Invariant checked: after the last
restart every acknowledged request is there, once; what was asked again was answered the same; and
the venue, which died with the server, holds no order that the server does not know.
"""

import asyncio
import secrets
from pathlib import Path
from random import Random
from typing import Any

import httpx

from chaos.life import Life, Lives
from chaos.trial import Outcome
from interlock.client.signing import Signing

KILLS = 20
RUN_S = (0.05, 0.8)
STOP = {"type": "stop", "instrument": "BTCUSDT.PAPER", "side": "buy", "quantity": "0.01"}
BRACKET = {
    "type": "bracket",
    "entry": {"type": "market", "instrument": "BTCUSDT.PAPER", "side": "buy", "quantity": "0.01"},
    "take_profit": {"type": "limit", "price": {"from_entry": {"bps": 300}}},
    "stop_loss": {"type": "stop", "trigger_price": {"from_entry": {"bps": -300}}},
}


class Trader:
    """Remembers every request and every answer."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self.auth: Signing | None = None
        self.asked: dict[str, dict[str, Any]] = {}
        """Placements by client order id."""
        self.placed: dict[str, str] = {}
        """Acknowledged: client order id -> order id."""
        self.amended: dict[str, tuple[str, dict[str, Any]]] = {}
        """Amends by idempotency key: path and body."""
        self.versions: dict[str, int] = {}
        self.breaches: list[str] = []
        self.repeated = 0

    async def load(self, client: httpx.AsyncClient) -> None:
        """Place, ask again, amend, until the connection dies."""
        while True:
            if self._rng.random() < 0.7:
                await self._batch(client)
            elif self.placed:
                await self._amend(client)
            await asyncio.sleep(0)

    async def _batch(self, client: httpx.AsyncClient) -> None:
        names = self._rng.sample(sorted(self.asked), min(5, len(self.asked)))
        for _ in range(self._rng.randrange(1, 40)):
            name = f"c{len(self.asked)}"
            flat = self._rng.random() < 0.8
            order = {**STOP, "trigger_price": f"{90000 + len(self.asked)}"} if flat else BRACKET
            self.asked[name] = {"client_order_id": name, "account": "main", "order": order}
            names.append(name)
        body = [self.asked[name] for name in names]
        answer = await client.post("/v1/orders/batch", json=body, auth=self.auth)
        if answer.status_code == 429:
            await asyncio.sleep(0.05)
            return
        for name, result in zip(names, answer.json()["results"], strict=True):
            if result["status"] != "accepted":
                self.breaches.append(f"{name} was refused: {result}")
                continue
            self._acknowledged(name, result["order_id"])

    def _acknowledged(self, name: str, order_id: str) -> None:
        known = self.placed.setdefault(name, order_id)
        self.repeated += known == order_id
        if known != order_id:
            self.breaches.append(f"{name} is {known}, and on asking again {order_id}")

    async def _amend(self, client: httpx.AsyncClient) -> None:
        if self.amended and self._rng.random() < 0.3:
            key = self._rng.choice(sorted(self.amended))
            path, body = self.amended[key]
        else:
            name = self._rng.choice(sorted(self.placed))
            if self.asked[name]["order"] is BRACKET:
                return
            key = secrets.token_hex(8)
            path = f"/v1/orders/{self.placed[name]}/amend"
            price = f"{95000 + self._rng.randrange(10_000)}"
            body = {"legs": {"leg_1": {"trigger_price": price}}}
            self.amended[key] = (path, body)
        answer = await client.post(
            path, json=body, headers={"Idempotency-Key": key}, auth=self.auth
        )
        if answer.status_code == 429:
            return
        version = answer.json().get("version", -1)
        if version != self.versions.setdefault(key, version) or version < 0:
            self.breaches.append(f"amend {key}: version {self.versions[key]}, then {answer.text}")


async def served(lives: Lives, folder: Path, seed: int) -> Outcome:
    """``kill -9`` of ``interlock serve`` under load, and what its API promised."""
    trader, rng = Trader(seed), Random(seed)
    data = folder / "data"
    for _ in range(KILLS):
        life, password = await start(lives, data)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{life.port}") as client:
            if password:
                trader.auth = await new_key(client, password)
            load = asyncio.create_task(trader.load(client))
            await asyncio.sleep(rng.uniform(*RUN_S))
            life.kill_now()
            await asyncio.gather(load, return_exceptions=True)
            fault = load.exception()
            if fault is not None and not isinstance(fault, httpx.TransportError):
                raise fault
        await life.kill()
    life, _ = await start(lives, data)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{life.port}") as client:
        orders = await everything(client, trader)
    code = await life.stop()
    if code:
        trader.breaches.append(f"a graceful stop ended with {code}: {life.said()}")
    seen = (
        f"{KILLS} kills; {len(trader.placed):,} orders acknowledged, {orders:,} there, "
        f"{trader.repeated - len(trader.placed):,} asked again, {len(trader.versions)} amends"
    )
    return Outcome("server, over its API", seen, trader.breaches)


async def encrypted(lives: Lives, folder: Path, seed: int) -> Outcome:
    """The same with an encrypted journal; and in the end no order is readable on the disk."""
    data = folder / "data"
    data.mkdir(parents=True)
    (data / "config.toml").write_text("[journal]\nencrypt = true\n")
    outcome = await served(lives, folder, seed)
    for path in data.rglob("*"):
        told = path.is_file() and path.name != "requests.jsonl"
        if told and any(word in path.read_bytes() for word in (b"BTCUSDT", b"trigger_price")):
            outcome.breaches.append(f"{path.name} can be read without a key")
    outcome.name = "encrypted server"
    return outcome


async def start(lives: Lives, data: Path) -> tuple[Life, str]:
    """A server that is up, and its admin password if this is its first start."""
    life, password = await lives.start("interlock", "serve", "--data", data, "--port", 0), ""
    assert life.process.stdout is not None
    said = b""
    while b"Ctrl-C" not in said:
        line = await asyncio.wait_for(life.process.stdout.readline(), 30)
        assert line, life.said()
        said += line
        if b"/v1" in line:
            life.port = int(line.rsplit(b":", 1)[1].split(b"/")[0])
        if b"shown this once" in line:
            password = line.decode().split()[-1]
    return life, password


async def new_key(client: httpx.AsyncClient, password: str) -> Signing:
    answer = await client.post("/v1/session", json={"password": password})
    session = {"Authorization": f"Session {answer.json()['session']}"}
    terms = {"name": "trader", "scopes": ["read", "trade"]}
    made = (await client.post("/v1/keys", json=terms, headers=session)).json()
    return Signing(made["key"]["id"], made["secret"])


async def everything(client: httpx.AsyncClient, trader: Trader) -> int:
    """Every order there is, held against what was acknowledged."""
    found: dict[str, str] = {}
    cursor = ""
    while True:
        query = {"limit": "1000", "cursor": cursor}
        page = (await client.get("/v1/orders", params=query, auth=trader.auth)).json()
        for order in page["items"]:
            name = order["client_order_id"]
            if name in found:
                trader.breaches.append(f"{name} is there twice")
            found[name] = order["order_id"]
        cursor = page.get("next", "")
        if not cursor:
            break
    for name, order_id in trader.placed.items():
        if found.get(name) != order_id:
            trader.breaches.append(f"{name} was acknowledged as {order_id}: {found.get(name)}")
    for name in found:
        if name not in trader.asked:
            trader.breaches.append(f"{name} is there and was never asked for")
    for key, (path, body) in trader.amended.items():
        headers = {"Idempotency-Key": key}
        answer = await client.post(path, json=body, headers=headers, auth=trader.auth)
        while answer.status_code == 429:
            await asyncio.sleep(0.1)
            answer = await client.post(path, json=body, headers=headers, auth=trader.auth)
        version = answer.json().get("version")
        if key in trader.versions and version != trader.versions[key]:
            trader.breaches.append(f"amend {key} was {trader.versions[key]}, now {answer.text}")
    return len(found)
