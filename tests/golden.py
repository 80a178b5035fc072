"""Golden text: files that tests compare with, and rewrite when told to.

``REWRITE=1 script/test tests/test_transcripts.py`` writes what is said now. Read the difference
before committing it: a changed transcript is a changed promise.
"""

import os
from pathlib import Path

REWRITE = "REWRITE" in os.environ


def check(path: Path, text: str) -> None:
    """The file holds exactly this text; with ``REWRITE`` set, from now on."""
    if REWRITE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"{path.name} is missing; set REWRITE=1 to write it"
    assert path.read_text() == text, f"{path.name} says otherwise; read it, then set REWRITE=1"
