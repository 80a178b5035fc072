"""Recorded markets, violent ones among them, full of random order trees: no guarantee breaks."""

from pathlib import Path

import pytest

from interlock.sim.markets import main, play

RECORDED = Path(__file__).parents[3] / "shared" / "data"
FILES = sorted(RECORDED.glob("*/*.csv.gz"))
TICKS = 20_000
ORDERS = 40


if FILES:  # recorded markets lie beside the project, or nowhere

    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
    def test_a_recorded_market_with_and_without_faults(path):
        for seed, faults in ((1, False), (2, True)):
            run = play(path, ORDERS, seed, TICKS, faults)
            assert not run.breaches, f"seed {seed}: {run.breaches[0]}"
            assert run.accepted or run.ticks < 100


def test_the_command_plays_a_file_and_says_what_it_saw(tmp_path, capsys):
    path = tmp_path / "BTC_trades.csv"
    rows = [
        f"{1_700_000_000_000_000_000 + n * 10**9},{30000 + n % 97}.5,0.25,buy" for n in range(2000)
    ]
    path.write_text("ts_ns,price,qty,side\n" + "\n".join(rows) + "\n")
    assert main([str(tmp_path), "--orders", "30"]) == 0
    said = capsys.readouterr().out
    assert "2,000 ticks" in said
    assert "0 file(s) with a broken guarantee" in said
