"""Every benchmark runs, and says what it says in JSON too."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FIGURES = {
    "tick": ["quiet trade", "ratio to 100 legs", "ratchet of all trailing", "naive walk"],
    "place": ["pairs/s", "ratio"],
    "memory": ["bytes per pair"],
    "recover": ["seconds"],
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_benchmark_runs_and_prints_its_figures(name):
    said = subprocess.run(
        [sys.executable, "-m", "bench", name, "--quick", "--json"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    rows = json.loads(said.stdout)[name]
    assert all(figure in rows[0] for figure in FIGURES[name])
