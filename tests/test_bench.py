"""Every benchmark runs, and says what it says in JSON too."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FIGURES = {
    "tick": ["quiet trade", "ratio to 100 legs", "ratchet of all trailing", "naive walk"],
    "place": ["durable", "per second of one core", "bare commit of the same bytes", "ratio"],
    "memory": ["bytes per pair"],
    "recover": ["seconds"],
    "snapshot": ["the loop waits for the fork", "it would wait for an image"],
    "recall": ["fill to recall, in process", "p99, us"],
    "instructions": ["instructions per pair"],
    "wire": ["what", "p50", "p99"],
    "kill": ["market", "orders", "seconds", "requests"],
    "encrypt": ["plain", "encrypted", "encrypted to plain, in pairs"],
    "serve": ["pairs per second, batches of 500, over HTTP", "p99, ms"],
}
SERVED = {
    "place": "server's memory, MB",
    "recall": "report to recall p99, ms",
    "consistency": "report to recall p99, ratio",
    "followers": "facts per second delivered",
}
GOALS = {"serve": 3, "place": 1, "memory": 1, "recover": 2}


@pytest.mark.parametrize("name", FIGURES)
def test_a_benchmark_runs_and_prints_its_figures(name):
    said = subprocess.run(
        [sys.executable, "-m", "bench", name, "--quick", "--json"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    document = json.loads(said.stdout)
    assert document["machine"]["engine"] in ("pure", "compiled")
    assert all(figure in document[name][0] for figure in FIGURES[name])
    if name == "serve":
        for part, figure in SERVED.items():
            assert any(figure in row for row in document[name] if row["part"] == part), part
    goals = document["goals"]
    assert len(goals) == GOALS.get(name, 0)
    assert all(goal["reached"] in ("no", "reach", "beyond") for goal in goals)
