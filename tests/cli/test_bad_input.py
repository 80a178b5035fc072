"""A person's mistakes: a paragraph with file, field, rule and way out; never a traceback."""

import json
from collections.abc import Callable

import pytest

from interlock.main import run
from tests.cli.made_up import Files, at, bracket, interlock, line

Capture = pytest.CaptureFixture[str]
Spoil = Callable[[Files], list[str]]


def orders(text: str | bytes) -> Spoil:
    def spoil(files: Files) -> list[str]:
        files.orders.write_bytes(text.encode() if isinstance(text, str) else text)
        return files.replay()

    return spoil


def market(text: str) -> Spoil:
    def spoil(files: Files) -> list[str]:
        files.market.write_text(text)
        return files.replay()

    return spoil


def faults(text: str) -> Spoil:
    def spoil(files: Files) -> list[str]:
        path = files.folder / "faults.toml"
        path.write_text(text)
        return files.replay("--faults", str(path))

    return spoil


def instruments(text: str) -> Spoil:
    def spoil(files: Files) -> list[str]:
        files.instruments.write_text(text)
        return files.replay()

    return spoil


def arguments(*given: str) -> Spoil:
    return lambda _: list(given)


def placed(**changes: object) -> str:
    return line(1.5, place={**bracket(), **changes})


HEADER = "ts_ns,price,qty,side\n"
CASES: list[tuple[str, Spoil, list[str]]] = [
    ("not JSON", orders("{"), ["orders.jsonl:1: MALFORMED", "JSON", "--skip-bad"]),
    ("not text", orders(b'{"at": "\xff", "close": {}}'), ["orders.jsonl:1: MALFORMED", "UTF-8"]),
    ("the third line", orders(placed() + "\n" + "[]\n"), ["orders.jsonl:3: WRONG_TYPE"]),
    ("no time", orders('{"place": {}}'), ["MISSING_FIELD at at", "the time its command is made"]),
    ("no command", orders('{"at": 1}'), ["exactly one command, not 0", '"place"']),
    ("two", orders('{"at": 1, "place": {}, "close": {}}'), ["exactly one command, not 2"]),
    ("key unknown", orders('{"at": 1, "plaec": {}}'), ["at plaec", "Did you mean 'place'?"]),
    ("a time that is none", orders(line(1, at="noon", signal={})), ["'noon' is not a time", "ISO"]),
    ("a time without zone", orders('{"at": "2024-01-02T00:00:01", "signal": {}}'), ["zone"]),
    ("a time with a point", orders('{"at": 1.5, "signal": {}}'), ["WRONG_TYPE at at", "integer"]),
    ("a time before time", orders('{"at": -1, "signal": {}}'), ["between 1970 and 2116"]),
    ("a time too far", orders('{"at": "9999-01-01T00:00:00Z", "signal": {}}'), ["1970 and 2116"]),
    ("field missing", orders(line(1, place={})), ["MISSING_FIELD at client_order_id"]),
    ("field unknown", orders(placed(polcy={})), ["UNKNOWN_FIELD at polcy", "'policy'"]),
    ("nested too deep", orders(b"[" * 50_000), ["orders.jsonl:1: TREE_TOO_DEEP"]),
    ("no orders file", arguments("replay", "--orders", "no.jsonl", "--market", "x"), ["no.jsonl"]),
    ("faults: unknown", faults("lose_reprot_permille = 1"), ["'lose_report_permille'"]),
    ("faults: deep", faults("[latency_in]\nmin = 1"), ["faults.toml", "latency_in.min", "min_ns"]),
    ("faults: type", faults('halt_ns = "1"'), ["WRONG_TYPE at halt_ns"]),
    ("faults: range", faults("reject_permille = 1001"), ["at most 1000"]),
    ("faults: negative", faults("[latency_out]\nmin_ns = -1"), ["latency_out.min_ns", "negative"]),
    ("faults: not TOML", faults("="), ["faults.toml: is not TOML"]),
    ("venue: unknown", faults("[venue]\nnative_ammend = true"), ["venue.native_ammend", "amend'"]),
    ("venue: value", faults('[venue]\nid_promise = "nope"'), ["venue.id_promise", "'nope'"]),
    (
        "halt of nothing",
        faults('[[halts]]\ninstrument = "X.PAPER"\nfrom_ns = 1\nto_ns = 2'),
        ["'X.PAPER' is not traded in this run", "BTC.PAPER"],
    ),
    ("instruments: field", instruments("[[instrument]]\nsymbl = 'X'"), ["symbl", "symbol?"]),
    ("market: header", market("a,b\n"), ["BTC_trades.csv:1:", "header"]),
    ("market: empty", market(""), ["BTC_trades.csv: the file is empty"]),
    ("market: no rows", market(HEADER), ["no usable row"]),
    ("market: price", market(f"{HEADER}{at(1)},abc,1,\n"), [".csv:2:", "'abc'", "--skip-bad"]),
    ("market: increment", market(f"{HEADER}{at(1)},1.001,1,\n"), [".csv:2:", "0.01"]),
    ("market: back in time", market(f"{HEADER}{at(2)},1,1,\n{at(1)},1,1,\n"), [":3:", "time goes"]),
    ("no such market", lambda f: [*f.replay()[:4], "no.csv"], ["no.csv: cannot be read"]),
    ("facts nowhere", lambda f: f.replay("--facts", "/no/where/f"), ["/no/where"]),
    ("no such command", arguments("replya"), ["replya", "interlock --help"]),
    ("no such option", lambda f: f.replay("--chek"), ["--chek", "--check"]),
    ("option missing", arguments("replay"), ["--orders", "interlock --help"]),
    ("no journal", lambda f: ["orders", str(f.folder)], ["there is no journal here"]),
    ("no journal to follow", lambda f: ["facts", str(f.folder)], ["there is no journal here"]),
    ("no journal to rebuild", lambda f: ["rebuild", str(f.folder)], ["there is no journal here"]),
    ("nothing to repair", lambda f: ["repair", str(f.folder), "--cut-at", "1"], ["no journal"]),
]


@pytest.mark.parametrize(
    ("spoil", "told"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_mistake_is_told_in_a_paragraph(
    files: Files, capsys: Capture, spoil: Spoil, told: list[str]
) -> None:
    assert run(spoil(files)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    for words in told:
        assert words in captured.err


def test_bad_lines_are_counted_and_passed_over_when_asked(files: Files, capsys: Capture) -> None:
    files.orders.write_text("{\n" + line(1.5, place=bracket()) + "[]\n")
    files.market.write_text(files.market.read_text() + "oops,1,1,\n")
    assert run(files.replay("--skip-bad", "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert [order["client_order_id"] for order in found["orders"]] == ["b-1"]
    in_market, in_orders = found["run"]["skipped"]
    assert (in_market["lines"], in_orders["lines"]) == (1, 2)
    assert "orders.jsonl:1" in in_orders["first"]


def test_many_bad_lines_are_not_all_told(files: Files, capsys: Capture) -> None:
    files.orders.write_text("{\n" * 25)
    assert run(files.replay()) == 2
    told = capsys.readouterr().err
    assert told.count("MALFORMED") == 10
    assert "15 more bad lines" in told


def test_a_bug_of_ours_is_the_only_thing_with_a_traceback(
    files: Files, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise AssertionError("an illegal move")

    monkeypatch.setattr("interlock.cli.replay.find_markets", broken)
    assert run(files.replay()) == 70
    told = capsys.readouterr().err
    assert "Traceback" in told and "an illegal move" in told
    assert "This is a bug of Interlock's" in told


def test_every_command_teaches_by_example(capsys: Capture) -> None:
    run(["--help"])
    usual = capsys.readouterr().out
    for words in ("usual path", "interlock demo", "Exit codes", "130"):
        assert words in usual
    for command in ("demo", "replay", "orders", "facts", "rebuild", "repair", "version"):
        assert command in usual
        run([command, "--help"])
        assert (
            "interlock " + command in capsys.readouterr().out.split("Usage", 1)[1].split("\n", 1)[1]
        )


def test_the_version_and_a_reader_who_leaves(files: Files) -> None:
    number, engine = interlock("version").stdout.strip().split(", ")
    assert number == f"interlock {interlock('--version').stdout.strip()}"
    assert engine in ("engine pure", "engine compiled")
