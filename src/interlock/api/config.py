"""Configuration: one TOML file, overridable by the environment.

Decides the server's settings and how a wrong one is told. Invariant: a key that is not known is
refused with the nearest known one; nothing misspelt is ever silently left out.
"""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from interlock.api.alerting.events import AlertsWrong, Events
from interlock.api.logs import FORMATS, LEVELS
from interlock.orders.decoding import decode_body
from interlock.orders.rejects import Reject

NAME = "config.toml"
PREFIX = "INTERLOCK_"
NOT_SETTINGS = frozenset(
    (
        "INTERLOCK_MASTER_KEY",
        "INTERLOCK_ALERT_URLS",
        *("INTERLOCK_PROFILE", "INTERLOCK_URL", "INTERLOCK_KEY_ID", "INTERLOCK_SECRET"),
        "INTERLOCK_ADMIN_PASSWORD",
    )
)
"""Read elsewhere: the master key by access, the others by the command line. They are secrets."""
VENUE_KINDS = ("paper", "binance-futures", "binance-spot")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ConfigWrong(Exception):
    """The configuration cannot be used; the message says where, why and what instead."""


class Web(Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    port: int = 8460
    tls_certificate: str = ""
    tls_key: str = ""
    tls_self_signed: bool = False
    insecure: bool = False


class Market(Struct, frozen=True, forbid_unknown_fields=True):
    source: str = "generated:1"
    speed: float = 1.0


class VenuePart(Struct, frozen=True, forbid_unknown_fields=True):
    kind: str = "paper"
    address: str = ""
    account: str = "main"
    symbols: tuple[str, ...] = ()
    countdown_s: int = 0


class SessionsPart(Struct, frozen=True, forbid_unknown_fields=True):
    calendars: dict[str, str] = {}


class JournalPart(Struct, frozen=True, forbid_unknown_fields=True):
    encrypt: bool = False


class Secrets(Struct, frozen=True, forbid_unknown_fields=True):
    key_file: str = ""
    keyring: str = ""


class Signing(Struct, frozen=True, forbid_unknown_fields=True):
    window_ms: int = 5_000


class Tokens(Struct, frozen=True, forbid_unknown_fields=True):
    minutes: int = 15


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    placing_per_s: int = 200
    placing_burst: int = 1_000
    protecting_per_s: int = 200
    protecting_burst: int = 1_000
    reading_per_s: int = 100
    reading_burst: int = 500


class RiskPart(Struct, frozen=True, forbid_unknown_fields=True):
    cooling_off: str = "people"


class AlertsPart(Struct, frozen=True, forbid_unknown_fields=True):
    events: dict[str, bool] = {}
    templates: dict[str, str] = {}
    per_minute: int = 20
    reserve: int = 10
    dedupe_s: int = 300


class LogPart(Struct, frozen=True, forbid_unknown_fields=True):
    level: str = "info"
    format: str = "text"
    file: str = ""


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set."""

    environment: str = "paper"
    web: Web = Web()
    market: Market = Market()
    venue: VenuePart = VenuePart()
    sessions: SessionsPart = SessionsPart()
    journal: JournalPart = JournalPart()
    secrets: Secrets = Secrets()
    signing: Signing = Signing()
    tokens: Tokens = Tokens()
    limits: Limits = Limits()
    risk: RiskPart = RiskPart()
    alerts: AlertsPart = AlertsPart()
    log: LogPart = LogPart()


TEMPLATE = """\
# Interlock's configuration. Every setting is here with its default; `interlock config check` says
# whether the file can be used. A setting can also come from the environment, which wins:
# INTERLOCK_WEB_PORT=9000 is [web] port.

# Which of three different things this is: paper, testnet or live. Shown in every answer.
environment = "paper"

[web]
# Loopback only. Any other address needs TLS, or insecure = true.
host = "127.0.0.1"
port = 8460
# Certificate and key as PEM files, or a certificate of its own making, for trials.
tls_certificate = ""
tls_key = ""
tls_self_signed = false
insecure = false

[market]
# What the paper exchange trades on: "generated:SEED", or files of recorded markets, separated by
# commas, played again and again.
source = "generated:1"
# How many times as fast as it was.
speed = 1.0

[venue]
# paper, binance-futures for Binance USD-M, or binance-spot. Its credentials are kept with:
# interlock credentials set BINANCE --environment testnet
kind = "paper"
# HOST:PORT on this machine. Of a paper venue in a process of its own (`interlock paper-venue`): it
# has its own market, so [market] is not used then; empty for the paper exchange in this process.
# Of a double of Binance (`interlock sandbox binance`), in environment paper.
address = ""
# What orders call the account that the credentials belong to, and the symbols that are traded, as
# the exchange writes them: ["BTCUSDT"].
account = "main"
symbols = []
# Seconds of Binance USD-M's own countdown, armed behind a client's (docs/BINANCE.md); 0: never.
# When this server is silent for so long the exchange cancels every regular order of the symbol:
# targets that rest there go with entries, and other people's orders. It is only for an account that
# nobody and nothing else trades.
countdown_s = 0

[sessions]
# The calendars that markets trade by, as exchange_calendars names them, by instrument or for all of
# a venue: {"SPY.IB" = "XNYS", "IB" = "XNYS"}. Without one a market is taken to trade always, or as
# its own session says.
calendars = {}

[journal]
# Encrypt what is journaled, and the tables made of it, under the master key. A journal that was
# begun otherwise is changed with: interlock encrypt DIR, interlock decrypt DIR.
encrypt = false

[secrets]
# Where the master key is, unless INTERLOCK_MASTER_KEY holds it: a file (master.key in the data
# folder when empty), or where there is no such file the OS keyring's entry under this service.
key_file = ""
keyring = ""

[signing]
# A request made longer ago than this, or later than now by more, is refused.
window_ms = 5000

[tokens]
# How long an OAuth token lives.
minutes = 15

[limits]
# Per key. A batch counts each of its orders. Cancels, amends and closes have a budget of their own,
# which placements never use up.
placing_per_s = 200
placing_burst = 1000
protecting_per_s = 200
protecting_burst = 1000
reading_per_s = 100
reading_burst = 500

[risk]
# Who is held to the cooling_off_s of an order before its protection is taken away: people (admin
# sessions, and whoever says to be a person, as the command line does), or everybody.
cooling_off = "people"

[alerts]
# Where a person is told is no setting, as such addresses hold tokens: interlock alerts add NAME, or
# INTERLOCK_ALERT_URLS. Which events are told (interlock alerts list shows them), in which words:
# events = {order_done = true, dust_left = false}
# templates = {order_done = "{client_order_id}: {status}"}
events = {}
templates = {}
# Messages a minute to each channel; so many of them are left for protective events.
per_minute = 20
reserve = 10
# The same event of the same subject is told once in so long, with a count of those left out; 0 to
# tell each.
dedupe_s = 300

[log]
# debug tells of every request, info of every refusal, warning of what a person should look at.
level = "info"
# text or json, one event a line.
format = "text"
# A file that is appended to; stderr when empty.
file = ""
"""


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """The configuration of a file (which need not be there) and the environment."""
    values: dict[str, Any] = {}
    if path.exists():
        try:
            values = tomllib.loads(path.read_text())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigWrong(f"{path} is not TOML: {error}") from error
        except OSError as error:
            raise ConfigWrong(f"{path} cannot be read: {error.strerror}") from error
    for name, text in environ.items():
        if name.startswith(PREFIX) and name not in NOT_SETTINGS:
            _override(values, name, text)
    found = decode_body(msgspec.json.encode(values), Config)
    if isinstance(found, Reject):
        raise ConfigWrong(f"{path}: {found.path}: {found.rule} {found.way_out}".strip())
    return checked(found, path)


def checked(config: Config, path: Path) -> Config:
    """Values that go together, and inside their bounds."""
    web = config.web
    for name, value, low, high in (
        ("web.port", web.port, 0, 65_535),
        ("signing.window_ms", config.signing.window_ms, 100, 60_000),
        ("tokens.minutes", config.tokens.minutes, 1, 60),
        ("alerts.per_minute", config.alerts.per_minute, 1, 1_000),
        ("alerts.reserve", config.alerts.reserve, 0, config.alerts.per_minute - 1),
        ("alerts.dedupe_s", config.alerts.dedupe_s, 0, 86_400),
        ("market.speed", config.market.speed, 0.01, 1_000),
        *((f"limits.{n}", getattr(config.limits, n), 1, 10_000_000) for n in LIMIT_NAMES),
    ):
        if not low <= value <= high:
            raise ConfigWrong(f"{path}: {name} is {value}; it must be from {low} to {high}.")
    try:
        Events(config.alerts.events, config.alerts.templates, config.environment)
    except AlertsWrong as error:
        raise ConfigWrong(f"{path}: {error}") from error
    if config.environment not in ("paper", "testnet", "live"):
        raise ConfigWrong(f"{path}: environment is one of paper, testnet and live.")
    for name, text, known in (
        ("risk.cooling_off", config.risk.cooling_off, ("people", "everybody")),
        ("log.level", config.log.level, LEVELS),
        ("log.format", config.log.format, FORMATS),
    ):
        if text not in known:
            raise ConfigWrong(f"{path}: {name} is one of {', '.join(known)}.")
    if bool(web.tls_certificate) != bool(web.tls_key):
        raise ConfigWrong(f"{path}: web.tls_certificate and web.tls_key go together.")
    if config.venue.kind not in VENUE_KINDS:
        raise ConfigWrong(f"{path}: venue.kind is one of {', '.join(VENUE_KINDS)}.")
    if config.venue.kind == "paper" and config.environment != "paper":
        raise ConfigWrong(
            f"{path}: environment is {config.environment}, but venue.kind is paper: nothing there "
            f"is {config.environment}. Set venue.kind, or environment to paper."
        )
    if config.venue.address and address_of(config.venue.address) is None:
        raise ConfigWrong(
            f"{path}: venue.address is {config.venue.address!r}; write HOST:PORT with a host of "
            f"this machine, as in 127.0.0.1:8470. What is said there is neither signed nor secret."
        )
    safe = bool(web.tls_certificate) or web.tls_self_signed
    if web.host not in LOOPBACK and not safe and not web.insecure:
        raise ConfigWrong(
            f"{path}: web.host {web.host} can be reached from other machines, and without TLS "
            f"everything is readable on the way. Set web.tls_certificate and web.tls_key (or "
            f"web.tls_self_signed for a trial), or start with --insecure if you know better."
        )
    return config


def address_of(text: str) -> tuple[str, int] | None:
    """Host and port of a venue on this machine, or None."""
    host, _, port = text.rpartition(":")
    if host not in LOOPBACK or not (port.isascii() and port.isdigit() and len(port) < 6):
        return None
    number = int(port)
    return (host.replace("localhost", "127.0.0.1"), number) if 0 < number <= 65_535 else None


LIMIT_NAMES = Limits.__struct_fields__


def _override(values: dict[str, Any], name: str, text: str) -> None:
    """``INTERLOCK_WEB_PORT`` is ``web.port``."""
    key = name.removeprefix(PREFIX).lower()
    known: dict[str, tuple[str, ...]] = {"environment": ("environment",)}
    for part in Config.__struct_fields__[1:]:
        kind = type(getattr(Config(), part))
        known |= {f"{part}_{field}": (part, field) for field in kind.__struct_fields__}
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1)
        hint = f" Did you mean {PREFIX}{near[0].upper()}?" if near else ""
        raise ConfigWrong(f"The environment variable {name} is no setting.{hint}")
    where = known[key]
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    if len(where) == 1:
        values[where[0]] = value
    else:
        values.setdefault(where[0], {})[where[1]] = value
