"""Replay: what it says about orders, what it leaves behind, and that it always says the same."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from interlock.engine.evolve import evolve as real_evolve
from interlock.main import run
from tests.cli.made_up import Files, at, bracket, interlock, line, trades

Capture = pytest.CaptureFixture[str]


def summary(files: Files, capsys: Capture, *more: str, code: int = 0) -> dict[str, Any]:
    assert run(files.replay("--json", *more)) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_stop_that_fires_is_told_with_exact_numbers(files: Files, capsys: Capture) -> None:
    found = summary(files, capsys)
    (order,) = found["orders"]
    assert (order["client_order_id"], order["status"]) == ("b-1", "filled")
    assert order["entry"] == {"quantity": "10", "average_price": "100"}
    assert order["exit"] == {"quantity": "10", "average_price": "94"}
    assert order["realised_profit"] == "-60"
    assert order["fees"] == "1.94"
    assert order["incidents"] == []
    assert {leg["leg"]: leg["status"] for leg in order["legs"]} == {
        "entry": "filled",
        "target": "canceled",
        "stop": "filled",
    }
    assert (found["run"]["ticks"], found["run"]["refused"]) == (4, [])
    assert "check" not in found


def test_an_average_over_several_prices(files: Files, capsys: Capture) -> None:
    trades(files.market, ["100.00", "100.00", "109.00", "110.00", "111.00", "112.00"], "4")
    order = bracket()
    order["order"]["take_profit"] = [
        {"type": "limit", "id": "near", "side": "sell", "quantity": "50%", "price": "110.00"},
        {"type": "limit", "id": "far", "side": "sell", "quantity": "50%", "price": "112.00"},
    ]
    files.orders.write_text(line(1.5, place=order))
    (found,) = summary(files, capsys)["orders"]
    legs = {leg["leg"]: leg["filled"] for leg in found["legs"]}
    assert legs["near"]["average_price"] == "110"
    assert found["exit"]["quantity"] == "9"
    # 5 at 110 and 4 at 112: 998 / 9 has no end, and is given to 8 places beyond the increment's.
    assert found["exit"]["average_price"] == "110.8888888889"
    assert found["status"] == "working"


def test_a_refused_command_is_told_and_the_run_goes_on(files: Files, capsys: Capture) -> None:
    again = bracket("b-2")
    again["order"]["entry"]["quantity"] = "0.5"
    files.orders.write_text(line(1.5, place=again) + line(1.6, place=bracket()))
    found = summary(files, capsys)
    (refused,) = found["run"]["refused"]
    assert (refused["line"], refused["command"], refused["code"]) == (1, "place", "OFF_INCREMENT")
    assert refused["path"] == "order.entry.quantity"
    assert refused["way_out"]
    assert [order["client_order_id"] for order in found["orders"]] == ["b-1"]


def test_times_are_iso_or_nanoseconds_and_lines_may_come_in_any_order(
    files: Files, capsys: Capture
) -> None:
    cancel = {"account": "main", "client_order_id": "b-1", "exposure": "flatten"}
    late = json.dumps({"at": "2024-01-02T00:00:03.500Z", "cancel": cancel})
    files.orders.write_text(late + "\n\n" + line(1.5, place=bracket()))
    (order,) = summary(files, capsys)["orders"]
    assert order["status"] == "closed"
    assert order["exit"] == {"quantity": "10", "average_price": "103"}


def test_every_kind_of_command_is_read(files: Files, capsys: Capture) -> None:
    named = {"account": "main", "client_order_id": "b-1"}
    files.orders.write_text(
        line(1.5, place=bracket())
        + line(1.6, amend={**named, "legs": {"stop": {"trigger_price": "96.00"}}})
        + line(1.7, signal={"name": "vix", "value": "0.2"})
        + line(2.5, cancel_leg={**named, "leg": "target"})
        + line(2.6, expire=named)
        + line(2.7, cancel_all={"account": "main", "instrument": "OTHER.PAPER"})
        + line(2.8, close={"account": "main", "instrument": "BTC.PAPER"})
    )
    found = summary(files, capsys, "--check")
    assert found["run"]["commands"] == 7
    assert found["check"] == {"passed": True, "breaches": []}


def test_the_facts_file_reads_like_the_design_and_has_its_name_at_the_end(
    files: Files, capsys: Capture
) -> None:
    facts = files.folder / "facts.jsonl"
    found = summary(files, capsys, "--facts", str(facts))
    documents = [json.loads(text) for text in facts.read_text().splitlines()]
    assert [d["event_seq"] for d in documents] == list(range(1, found["run"]["facts"] + 1))
    (fired,) = [d for d in documents if d["type"] == "LegTriggered"]
    assert (fired["leg"], fired["price"], fired["at"]) == ("stop", "94", at(4))
    assert not facts.with_name("facts.jsonl.partial").exists()


def test_the_same_inputs_say_the_same_under_any_hash_seed(files: Files) -> None:
    faults = files.folder / "faults.toml"
    faults.write_text("lose_report_permille = 300\n[latency_in]\nmin_ns = 1\nmax_ns = 900000000\n")
    said = []
    for hash_seed in ("1", "2"):
        facts = files.folder / f"facts-{hash_seed}.jsonl"
        arguments = files.replay("--faults", str(faults), "--seed", "7", "--facts", str(facts))
        done = interlock(*arguments, hash_seed=hash_seed)
        assert done.returncode == 0, done.stderr
        said.append(facts.read_bytes())
    assert said[0] == said[1] and said[0]


def test_another_seed_is_another_weather(files: Files) -> None:
    faults = files.folder / "faults.toml"
    faults.write_text("[latency_in]\nmin_ns = 1\nmax_ns = 900000000\n")
    said = []
    for seed in ("1", "2"):
        facts = files.folder / f"facts-{seed}.jsonl"
        run(files.replay("--faults", str(faults), "--seed", seed, "--facts", str(facts)))
        said.append(facts.read_bytes())
    assert said[0] != said[1]


def test_a_check_passes_and_a_broken_engine_fails_it(
    files: Files, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(files.replay("--check")) == 0
    assert "check passed" in capsys.readouterr().out

    def forgetful(state: Any, fact: Any) -> None:
        if type(fact).__name__ != "OrderDone":
            real_evolve(state, fact)

    # The fold that checks is another than the one that ran: the digests must tell.
    monkeypatch.setattr("interlock.cli.playing.evolve", forgetful)
    assert run(files.replay("--check")) == 1
    assert "check failed: I7 broken at event_seq" in capsys.readouterr().out
    assert run(files.replay("--check", "--json")) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["check"]["passed"] is False
    assert "I7 broken" in captured.err


def test_an_instrument_nobody_described_is_inferred_and_told(files: Files, capsys: Capture) -> None:
    arguments = ["replay", "--orders", str(files.orders), "--market", str(files.market), "--json"]
    assert run(arguments) == 0
    captured = capsys.readouterr()
    (made,) = json.loads(captured.out)["run"]["inferred"]
    assert (made["symbol"], made["price_increment"]) == ("BTC.PAPER", "1")
    assert "inferred from the decimals" in captured.err


def test_a_file_means_the_one_instrument_of_its_name(files: Files, capsys: Capture) -> None:
    files.instruments.write_text(files.instruments.read_text().replace("BTC.PAPER", "BTC.XNAS"))
    files.orders.write_text(files.orders.read_text().replace("BTC.PAPER", "BTC.XNAS"))
    (order,) = summary(files, capsys)["orders"]
    assert (order["instrument"], order["status"]) == ("BTC.XNAS", "filled")


def test_several_markets_and_venues_at_once(files: Files, capsys: Capture) -> None:
    other = trades(files.folder / "eth.csv", ["50.0", "51.5", "49.0"])
    second = json.loads(json.dumps(bracket("b-2")).replace("BTC.PAPER", "ETH.OTHER"))
    second["order"]["take_profit"]["price"] = "51.5"
    second["order"]["stop_loss"]["trigger_price"] = "49.5"
    files.orders.write_text(line(1.5, place=bracket()) + line(1.5, place=second))
    arguments = files.replay("--json", "--check")
    arguments[5:5] = [f"ETH.OTHER={other}"]
    assert run(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(o["instrument"], o["status"]) for o in found["orders"]] == [
        ("BTC.PAPER", "filled"),
        ("ETH.OTHER", "filled"),
    ]


def test_bars_are_replayed_in_the_worse_order_for_the_position(
    files: Files, capsys: Capture
) -> None:
    """One bar reaches target and stop: the long position meets its stop first."""
    rows = "".join(
        f"{at(60 * n)},100,{h},{low},100,400\n" for n, h, low in ((1, 101, 99), (2, 111, 90))
    )
    files.market.write_text("ts_ns,open,high,low,close,volume\n" + rows)
    files.orders.write_text(line(61, place=bracket()))
    (order,) = summary(files, capsys)["orders"]
    assert order["exit"] == {"quantity": "10", "average_price": "90"}


def test_tables_for_people_have_no_colour_in_a_pipe(files: Files, capsys: Capture) -> None:
    assert run(files.replay()) == 0
    text = capsys.readouterr().out
    assert "b-1" in text and "10 @ 100" in text and "4 ticks" in text
    assert "\x1b" not in text


def test_an_interrupted_run_says_what_is_durable(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a long market."""
    files = Files(tmp_path)
    many = trades(tmp_path / "long_trades.csv", ["100.00"] * 400_000)
    facts = tmp_path / "facts.jsonl"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", INTERRUPTING, "replay", "--orders", str(files.orders)),
            *("--market", f"BTC={many}", "--instruments", str(files.instruments)),
            *("--journal", str(tmp_path / "j"), "--facts", str(facts)),
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "Interrupted after about 16,384 ticks" in err
    assert "facts in" in err and f"durable in {tmp_path / 'j'}" in err
    assert "which is not complete" in err
    assert not facts.exists()
    assert facts.with_name("facts.jsonl.partial").exists()
    assert run(["facts", str(tmp_path / "j")]) == 0


INTERRUPTING = f"""
import os, signal
from interlock.cli.progress import ReplayProgress
from interlock.main import main

def advance(self, ticks, tick):
    if ticks == 16_384:
        os.kill(os.getpid(), {signal.SIGINT.value})

ReplayProgress.advance = advance
main()
"""
"""The command, sending itself what Ctrl-C sends after a known number of ticks."""


def test_limits_and_a_kill_are_rehearsed_on_a_recorded_market(tmp_path, capsys):
    buy = {"type": "market", "instrument": "BTCUSDT.PAPER", "side": "buy", "quantity": "1"}
    lines = [
        {"at": "2024-01-02T00:00:01Z", "set_limits": {"limits": {"max_position": "1"}}},
        *(
            {
                "at": f"2024-01-02T00:00:0{n}Z",
                "place": {"client_order_id": f"o{n}", "account": "main", "order": buy},
            }
            for n in (2, 3)
        ),
        {"at": "2024-01-02T00:00:30Z", "kill": {"level": "flatten", "why": "a rehearsal"}},
    ]
    file = tmp_path / "orders.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    examples = Path(__file__).parents[2] / "examples"
    market, instruments = examples / "BTCUSDT_trades.csv", examples / "instruments.toml"
    asked = ["--orders", str(file), "--market", str(market), "--instruments", str(instruments)]
    assert run(["replay", *asked, "--check"]) == 0
    out = capsys.readouterr().out
    assert "RISK_POSITION at order.quantity: max_position of all is 1; this comes to 2" in out
    assert "flatten:" in out
