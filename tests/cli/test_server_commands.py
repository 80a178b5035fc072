"""A desk on the command line, against a real server: profiles, keys, orders, and every no."""

import io
import json
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.api.config import load
from interlock.cli import connect, keys
from interlock.cli.profiles import Profile, load_profiles, profiles_file, save_profile
from interlock.main import run
from tests.client.house import BTC, House, serving, until

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch
BRACKET = ("--buy", "0.5", BTC, "--take-profit", "+3%", "--stop-loss", "-1%")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: Patch) -> Iterator[House]:
    monkeypatch.setattr(
        "interlock.cli.profiles.user_config_path", lambda *_, **__: tmp_path / "config"
    )
    for name in ("PROFILE", "URL", "KEY_ID", "SECRET"):
        monkeypatch.delenv(f"INTERLOCK_{name}", raising=False)
    with serving(tmp_path / "data") as house:
        monkeypatch.setenv(keys.PASSWORD, house.password)
        yield house


MAIN = ("--account", "main")


def with_key(
    house: House,
    name: str = "default",
    environment: str = "paper",
    scopes: tuple[str, ...] = ("read", "trade"),
) -> None:
    key_id, secret = house.key(*scopes)
    profile = Profile(house.url, key_id, secret, environment=environment)
    save_profile(profiles_file(), name, profile)


def said(capsys: Capture, *arguments: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    got = run(list(arguments))
    told = capsys.readouterr()
    assert got == code, told.out + told.err
    return told.out, told.err


def test_a_key_is_made_kept_in_a_profile_listed_and_revoked(house: House, capsys: Capture) -> None:
    made = ("keys", "create", "desk", "--scopes", "read,trade", "--accounts", "main")
    out, _ = said(capsys, *made, "--days", "7", "--url", house.url, "--save", "default")
    key_id = out.split()[0]
    file = profiles_file()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = load_profiles(file)["default"]
    assert (kept.url, kept.key_id, kept.environment) == (house.url, key_id, "paper")
    assert kept.secret and kept.secret not in out
    out, err = said(capsys, "profiles")
    assert key_id in out and kept.secret not in out + err
    assert said(capsys, "positions")[0] == "No position.\n"
    out, _ = said(capsys, "keys", "list")
    assert "desk" in out and kept.secret not in out
    assert "revoked" in said(capsys, "keys", "revoke", key_id)[0]
    _, err = said(capsys, "positions", code=2)
    assert "KEY_REVOKED" in err
    out, _ = said(capsys, "keys", "create", "shown", "--scopes", "read")
    assert "secret" in out


def test_a_lost_password_is_replaced_by_whoever_owns_the_folder(
    house: House, capsys: Capture, monkeypatch: Patch, tmp_path: Path
) -> None:
    said(capsys, "keys", "list", "--url", house.url)
    out, _ = said(capsys, "keys", "reset-password", "--data", str(tmp_path / "data"))
    made = out.split()[-1]

    def heard() -> bool:
        monkeypatch.setenv(keys.PASSWORD, made)
        return run(["keys", "list", "--url", house.url]) == 0

    until(heard, bool)
    monkeypatch.setenv(keys.PASSWORD, house.password)
    said(capsys, "keys", "list", "--url", house.url, code=2)
    _, err = said(capsys, "keys", "reset-password", "--data", str(tmp_path / "nothing"), code=2)
    assert "no server has ever run there" in err


def test_a_bracket_from_flags_lives_is_amended_and_closed(house: House, capsys: Capture) -> None:
    with_key(house)
    out, err = said(capsys, "place", *BRACKET, "--id", "first")
    assert out.startswith("placed: ") and "[default paper]" in err
    assert "was placed before" in said(capsys, "place", *BRACKET, "--id", "first")[0]
    until(lambda: said(capsys, "fills")[0], lambda text: "entry" in text)
    out, _ = said(capsys, "order", "first")
    for words in ("stop_loss: stop sell 0.5", "armed", "Its story:", "entry: filled 0.5 @ "):
        assert words in out
    assert "0.5" in said(capsys, "positions")[0]
    assert "0 of it uncovered" in said(capsys, "risk")[0]
    out, err = said(capsys, "amend", "first", "stop_loss", "--trigger-price", "29500")
    assert "version 2" in out and "[default paper]" in err
    said(capsys, "cancel", "first", "--leg", "take_profit")
    listed = json.loads(said(capsys, "orders", "--json")[0])
    assert [one["client_order_id"] for one in listed] == ["first"]
    assert "first" in said(capsys, "orders", "--status", "working")[0]
    assert listed[0]["order_id"] in said(capsys, "close", BTC)[0]
    until(lambda: said(capsys, "positions")[0], lambda text: text == "No position.\n")
    shown = json.loads(said(capsys, "order", "first", "--json")[0])
    assert shown["legs"][0]["quantity"] == "0.5"
    assert "first" in said(capsys, "orders", "--order", "first")[0]


def test_exits_for_a_position_and_orders_from_files(
    house: House, capsys: Capture, tmp_path: Path, monkeypatch: Patch
) -> None:
    with_key(house)
    said(capsys, "place", "--buy", "0.5", BTC)
    exits = ("--oco", "--sell", "0.5", BTC, "--take-profit", "35000", "--stop-loss", "28000")
    said(capsys, "place", *exits, "--id", "exits")
    assert "oco" in said(capsys, "order", "exits")[0]
    file = tmp_path / "order.json"
    tree = {"type": "limit", "side": "buy", "quantity": "1", "price": "20000", "instrument": BTC}
    file.write_text(json.dumps({"client_order_id": "filed", "account": "main", "order": tree}))
    assert "filed" in said(capsys, "place", str(file))[0]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(tree).encode())))
    assert "piped" in said(capsys, "place", "-", "--id", "piped")[0]
    out, _ = said(capsys, "cancel", "piped", "--exposure", "flatten")
    assert "canceling" in out
    file.write_text(json.dumps({**tree, "price": 0.5}))
    assert "price is a float" in said(capsys, "place", str(file), code=2)[1]


def test_a_kill_stops_everything_until_it_is_resumed(house: House, capsys: Capture) -> None:
    with_key(house)
    said(capsys, "place", "--buy", "1", BTC, "--limit", "20000")
    out, _ = said(capsys, "kill", "--account", "main", "--why", "a drill")
    assert "halted: account main" in out and "recalling: o" in out
    assert "PAPER says that nothing else of ours is open" in out
    _, err = said(capsys, "place", "--buy", "1", BTC, code=2)
    assert "TRADING_HALTED" in err and "a drill" in err
    assert "resumed" in said(capsys, "resume", "--account", "main")[0]
    said(capsys, "place", "--buy", "1", BTC, "--limit", "20000")


def test_a_risk_officer_limits_blocks_and_counts_down(
    house: House, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_key(house, scopes=("read", "trade", "admin"))
    assert "Nothing is limited" in said(capsys, "limits", "show")[0]
    said(capsys, "limits", "set", "max_position=9", "max_order_notional=7", "--account", "main")
    out, _ = said(capsys, "limits", "set", "max_position=2", "max_open_orders=5", "--only", *MAIN)
    assert out == "limited: account main: max_position, max_open_orders\n"
    out, _ = said(capsys, "limits", "set", "max_cancels_per_s=9", *MAIN)
    assert "unchanged: max_position, max_open_orders" in out
    out, _ = said(capsys, "limits", "set", "max_cancels_per_s=none", *MAIN)
    assert "max_cancels_per_s" not in said(capsys, "limits", "show")[0]
    said(capsys, "place", "--buy", "1", BTC, "--limit", "20000", "--id", "one", "--tag", "grid")
    out, _ = said(capsys, "limits", "show")
    assert "account main" in out and f"{BTC} 0 to 1" in out
    _, err = said(capsys, "place", "--buy", "2", BTC, "--limit", "20000", code=2)
    assert "RISK_POSITION" in err and "is 2; this comes to 3" in err
    _, err = said(capsys, "limits", "set", "max_position=x", code=2)
    assert "LIMITS_INVALID at /limits/max_position" in err
    assert "max_postion" in said(capsys, "limits", "set", "max_postion=2", code=2)[1]
    said(capsys, "countdown", "arm", "bot", "--after-ms", "500", "--tag", "grid")
    until(lambda: said(capsys, "blocks", "list")[0], lambda text: "countdown" in text)
    said(capsys, "blocks", "lift", "countdown", "bot", "--why", "seen to")
    assert "Nothing is blocked" in said(capsys, "blocks", "list")[0]
    assert "No countdown" in said(capsys, "countdown", "list")[0]
    out, _ = said(capsys, "countdown", "arm", "own", "--after-ms", "60000", "--own-key")
    assert "armed: own for key ik_" in out
    assert "key ik_" in said(capsys, "countdown", "list")[0]
    said(capsys, "countdown", "disarm", "own")
    out, _ = said(capsys, "kill", "--tag", "grid", "--level", "flatten", "--drill")
    assert "nothing was changed" in out
    out, _ = said(capsys, "incidents")
    assert "countdown_ran_out" in out and "lifted by" in out
    assert said(capsys, "incidents", "--open")[0] == "No incident.\n"
    said(capsys, "kill", "--tag", "grid", "--why", "the model is broken")
    _, err = said(capsys, "place", "--buy", "1", BTC, "--limit", "20000", "--tag", "grid", code=2)
    assert "RISK_BLOCKED" in err and "the model is broken" in err
    said(capsys, "resume", "--tag", "grid")
    said(capsys, "limits", "remove", "--account", "main")
    said(capsys, "place", "--buy", "9", BTC, "--limit", "20000", "--tag", "grid")


def test_watching_in_a_pipe_tells_each_fact_until_the_order_is_done(
    house: House, capsys: Capture
) -> None:
    with_key(house)
    said(capsys, "place", *BRACKET, "--id", "first")
    until(lambda: said(capsys, "fills")[0], lambda text: "entry" in text)
    with house.client() as client:
        house.move(2_900_000)
        until(lambda: client.order("first"), lambda order: order.done)
    assert "is done" in said(capsys, "watch", "first")[0]
    house.move(3_000_000)
    said(capsys, "place", "--buy", "1", BTC, "--limit", "20000", "--id", "second")

    def fall() -> None:
        until(lambda: house.server.streams.count, bool)
        house.move(1_900_000)

    falling = threading.Thread(target=fall)
    falling.start()
    out, _ = said(capsys, "watch", "second")
    falling.join()
    assert "1 live orders" in out and "OrderDone" in out.splitlines()[-1]


def test_refusals_say_code_field_rule_and_way_out(house: House, capsys: Capture) -> None:
    with_key(house)
    _, err = said(capsys, "place", "--buy", "1", BTC, "--limit", "1.005", code=2)
    for words in ("refused: OFF_INCREMENT at /order/price", "nearest", "Send 1 or 1.01"):
        assert words in err
    assert "NOT_FOUND" in said(capsys, "order", "nobody", code=2)[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--buy", "1", BTC, "--take-profit", "-3%"), "--take-profit -3%"),
        (("--buy", "1", BTC, "--stop-loss", "1%"), "--stop-loss 1%"),
        (("--buy", "1", BTC, "--sell", "1", BTC), "once"),
        (("--oco", "--sell", "1", BTC, "--stop-loss", "1"), "--oco takes"),
        (("missing.json",), "missing.json"),
        (("--takeprofit",), "no option"),
        ((), "once"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_sent(
    arguments: tuple[str, ...], words: str, house: House, capsys: Capture
) -> None:
    assert words in said(capsys, "place", *arguments, code=2)[1]


def test_no_server_no_profile_no_key_are_each_told_with_a_way_out(
    house: House, capsys: Capture, monkeypatch: Patch
) -> None:
    _, err = said(capsys, "positions", "--profile", "other", code=2)
    assert "no profile 'other'" in err and "--save other" in err
    monkeypatch.setenv("INTERLOCK_URL", "http://127.0.0.1:9")
    _, err = said(capsys, "positions", code=3)
    assert "http://127.0.0.1:9" in err and "interlock serve" in err
    monkeypatch.setenv("INTERLOCK_URL", house.url)
    _, err = said(capsys, "positions", code=2)
    assert "has no key" in err and "keys create" in err
    key_id, secret = house.key()
    monkeypatch.setenv("INTERLOCK_KEY_ID", key_id)
    monkeypatch.setenv("INTERLOCK_SECRET", secret)
    said(capsys, "positions")
    save_profile(profiles_file(), "elsewhere", Profile(house.url, key_id, secret_env="NOWHERE"))
    assert "NOWHERE" in said(capsys, "positions", "--profile", "elsewhere", code=2)[1]
    profiles_file().chmod(0o644)
    assert "chmod 600" in said(capsys, "positions", code=2)[1]


def test_another_environment_than_the_profiles_is_refused(house: House, capsys: Capture) -> None:
    with_key(house, "risky", "live")
    _, err = said(capsys, "place", *BRACKET, "--profile", "risky", code=2)
    assert "[risky live]" in err and "is paper" in err
    assert said(capsys, "orders", "--profile", "risky")[0] == "No order.\n"


def test_live_asks_and_takes_only_the_word(
    tmp_path: Path, house: House, capsys: Capture, monkeypatch: Patch
) -> None:
    class Typed(io.StringIO):
        """What somebody at a terminal types."""

        def isatty(self) -> bool:
            return True

    with serving(tmp_path / "live", "live") as live:
        with_key(live, "real", "live")
        deep = ("place", "--buy", "1", BTC, "--limit", "20000", "--profile", "real")
        monkeypatch.setattr(connect.sys, "stdin", io.StringIO())
        assert "nobody to ask" in said(capsys, *deep, code=2)[1]
        monkeypatch.setattr(connect.sys, "stdin", Typed("yes\n"))
        assert "Nothing was sent" in said(capsys, *deep, code=2)[1]
        assert said(capsys, "orders", "--profile", "real")[0] == "No order.\n"
        monkeypatch.setattr(connect.sys, "stdin", Typed("live\n"))
        said(capsys, *deep)
        said(capsys, *deep, "--yes")
        assert len(json.loads(said(capsys, "orders", "--profile", "real", "--json")[0])) == 2


def test_what_the_commands_read_from_the_environment_is_no_setting_of_the_server(
    tmp_path: Path,
) -> None:
    words = ("URL", "PROFILE", "KEY_ID", "SECRET", "ADMIN_PASSWORD")
    load(tmp_path / "config.toml", {f"INTERLOCK_{word}": "x" for word in words})


@pytest.mark.parametrize(
    ("settings", "typed", "told"),
    [
        ({"ENVIRONMENT": "testnet"}, (), "venue.kind is paper"),
        ({"ENVIRONMENT": "live", "VENUE_KIND": "binance-futures"}, (), "--live was not typed"),
        ({}, ("--live",), "environment is paper, and --live was typed"),
        ({"VENUE_KIND": "binance-futures"}, (), "address is HOST:PORT of loopback"),
        ({"ENVIRONMENT": "testnet", "VENUE_KIND": "binance-futures"}, (), "name at least one"),
        ({"VENUE_KIND": "binance"}, (), "venue.kind is one of"),
    ],
)
def test_environments_are_not_mixed_up(
    settings: dict[str, str],
    typed: tuple[str, ...],
    told: str,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: Patch,
) -> None:
    """Paper, testnet and live are three things; what does not fit together does not start."""
    for name, value in settings.items():
        monkeypatch.setenv(f"INTERLOCK_{name}", value)
    _, err = said(capsys, "serve", "--data", str(tmp_path), "--port", "0", *typed, code=2)
    assert told in err


@pytest.mark.parametrize(
    ("kind", "seconds", "symbols", "told"),
    [
        ("paper", "30", 1, "countdown_s is 30, and paper has no countdown of its own. Set it to 0"),
        ("binance-spot", "30", 1, "binance-spot has no countdown of its own"),
        ("binance-futures", "9", 1, "countdown_s is 9; it is 0 (never), or 10 to 600 with 1 "),
        ("binance-futures", "-1", 1, "it is 0 (never), or 10 to 600"),
        ("binance-futures", "601", 1, "it is 0 (never), or 10 to 600"),
        ("binance-futures", "59", 20, "or 60 to 600 with 20 symbols: each is refreshed three"),
    ],
)
def test_a_countdown_that_a_venue_has_not_or_that_cannot_be_kept_up_starts_nothing(
    kind: str,
    seconds: str,
    symbols: int,
    told: str,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: Patch,
) -> None:
    names = json.dumps([f"S{number}USDT" for number in range(symbols)])
    monkeypatch.setenv("INTERLOCK_VENUE_KIND", kind)
    monkeypatch.setenv("INTERLOCK_VENUE_SYMBOLS", names)
    monkeypatch.setenv("INTERLOCK_VENUE_COUNTDOWN_S", seconds)
    if kind != "paper":
        monkeypatch.setenv("INTERLOCK_VENUE_ADDRESS", "127.0.0.1:1")
    _, err = said(capsys, "serve", "--data", str(tmp_path), "--port", "0", code=2)
    assert told in " ".join(err.split())


def test_credentials_of_another_environment_start_nothing(
    tmp_path: Path, capsys: Capture, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("the-key\nthe-secret\n"))
    said(capsys, "credentials", "set", "BINANCE", "--environment", "live", "--data", str(tmp_path))
    for name, value in (
        ("ENVIRONMENT", "testnet"),
        ("VENUE_KIND", "binance-futures"),
        ("VENUE_SYMBOLS", '["BTCUSDT"]'),
    ):
        monkeypatch.setenv(f"INTERLOCK_{name}", value)
    _, err = said(capsys, "serve", "--data", str(tmp_path), "--port", "0", code=3)
    assert "for live" in err and "testnet" in err and "the-secret" not in err


def test_a_venue_is_shown_with_its_connection_and_what_it_can(
    house: House, capsys: Capture
) -> None:
    with_key(house)
    out, _ = said(capsys, "venues")
    assert out.startswith("PAPER: connected") and "  native_oco yes" in out
    (venue,) = json.loads(said(capsys, "venues", "--json")[0])
    assert venue["health"]["connected"] is True
    out, _ = said(capsys, "reconcile")
    assert "main: USDT 100000" in out and "maintenance margin 0" in out
