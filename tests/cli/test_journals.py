"""Journals on disk, looked into from the command line: facts, orders, rebuild, repair, trouble."""

import json
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from interlock.journal.database import NAME as JOURNAL
from interlock.journal.lock import FolderLock
from interlock.journal.projection import NAME as PROJECTION
from interlock.main import run
from tests.cli.made_up import Files, bracket, line

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(files: Files, capsys: Capture) -> Path:
    """The journal of one replay."""
    files.orders.write_text(
        line(1.5, place=bracket()) + line(1.6, place=bracket("b-2", "20", tag="[red]swing"))
    )
    kept = files.folder / "j"
    assert run(files.replay("--journal", str(kept))) == 0
    capsys.readouterr()
    return kept


def test_facts_are_printed_for_people_and_for_programs(folder: Path, capsys: Capture) -> None:
    assert run(["facts", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert run(["facts", str(folder), "--json"]) == 0
    documents = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert len(lines) == len(documents)
    assert [d["event_seq"] for d in documents] == list(range(1, len(documents) + 1))
    (fired,) = [text for text in lines if "LegTriggered" in text and "b-1.stop" in text]
    assert "2024-01-02 00:00:04.000" in fired and "price=94" in fired


def test_facts_are_chosen_by_order_and_type(folder: Path, capsys: Capture) -> None:
    run(["facts", str(folder), "--order", "b-2", "--type", "VenueOrderFilled", "--json"])
    found = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [(d["client_order_id"], d["leg"]) for d in found] == [("b-2", "entry"), ("b-2", "stop")]
    assert run(["facts", str(folder), "--type", "LegTrigered"]) == 2
    assert "Did you mean LegTriggered?" in capsys.readouterr().err


def test_facts_are_followed_until_interrupted(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def wait(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("interlock.cli.facts.time.sleep", wait)
    assert run(["facts", str(folder), "--follow", "--type", "OrderDone"]) == 130
    assert capsys.readouterr().out.count("OrderDone") == 2


def test_orders_are_listed_and_chosen_by_status(folder: Path, capsys: Capture) -> None:
    assert run(["orders", str(folder)]) == 0
    text = capsys.readouterr().out
    assert text.index("b-1") < text.index("b-2")
    run(["orders", str(folder), "--status", "working"])
    assert capsys.readouterr().out == "No order.\n"
    run(["orders", str(folder), "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert [(row["client_order_id"], row["status"]) for row in rows] == [
        ("b-1", "filled"),
        ("b-2", "filled"),
    ]
    assert rows[0]["document"]["type"] == "oto"


def test_one_order_is_shown_as_its_tree(folder: Path, capsys: Capture) -> None:
    assert run(["orders", str(folder), "--order", "b-1"]) == 0
    text = capsys.readouterr().out
    for words in ("entry: market buy 10", "stop: stop sell 10", "fill 10 @ 94", "canceled"):
        assert words in text
    run(["orders", str(folder), "--order", "b-1", "--json"])
    whole = json.loads(capsys.readouterr().out)
    assert [leg["leg"] for leg in whole["legs"]] == ["entry", "target", "stop"]
    assert len(whole["fills"]) == 2
    assert run(["orders", str(folder), "--order", "zz"]) == 2
    assert "knows no order of this id" in capsys.readouterr().err


def test_the_projection_is_rebuilt_row_for_row(folder: Path, capsys: Capture) -> None:
    run(["orders", str(folder), "--json"])
    before = capsys.readouterr().out
    (folder / PROJECTION).unlink()
    assert run(["rebuild", str(folder)]) == 0
    assert "Rebuilt" in capsys.readouterr().out
    run(["orders", str(folder), "--json"])
    assert capsys.readouterr().out == before


def test_orders_of_a_journal_in_use_are_read_as_they_are(folder: Path, capsys: Capture) -> None:
    lock = FolderLock(folder)
    try:
        assert run(["orders", str(folder)]) == 0
        captured = capsys.readouterr()
        assert "b-1" in captured.out and "Another process" in captured.err
        assert run(["rebuild", str(folder)]) == 3
        assert "in use by another process" in capsys.readouterr().err
    finally:
        lock.release()


def test_a_replay_begins_its_own_journal(files: Files, folder: Path, capsys: Capture) -> None:
    assert run(files.replay("--journal", str(folder))) == 2
    told = capsys.readouterr().err
    assert "a replay begins its own" in told and "interlock orders" in told


def test_damage_stops_with_a_way_out_and_repair_takes_it(folder: Path, capsys: Capture) -> None:
    database = sqlite3.connect(folder / JOURNAL)
    with database:
        database.execute("UPDATE frames SET payload = x'90' WHERE n = 3")
    database.close()
    assert run(["rebuild", str(folder)]) == 3
    told = capsys.readouterr().err
    assert "frame 3" in told and "Traceback" not in told
    assert run(["repair", str(folder), "--cut-at", "3"]) == 0
    (aside,) = folder.glob("journal.cut-3*.bin")
    assert str(aside) in capsys.readouterr().out
    assert run(["rebuild", str(folder)]) == 0
    assert "from 2 commits" in capsys.readouterr().out
    assert run(["repair", str(folder), "--cut-at", "0"]) == 2


def test_a_disk_that_cannot_be_written_is_trouble_with_the_world(
    files: Files, capsys: Capture
) -> None:
    blocked = files.folder / "file"
    blocked.write_text("")
    assert run(files.replay("--journal", str(blocked / "j"))) == 3
    assert "Cannot make the journal's folder" in capsys.readouterr().err


def test_a_reader_who_leaves_early_is_no_trouble(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "interlock", "facts", str(folder), "--follow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    stop = threading.Timer(30, process.kill)
    stop.start()
    assert "VenueDefined" in process.stdout.readline()
    process.stdout.close()
    process.terminate()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait()
    stop.cancel()
