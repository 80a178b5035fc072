"""Files that every test of the command line can have."""

from pathlib import Path

import pytest

from tests.cli.made_up import Files


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)
