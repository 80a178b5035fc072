"""A fresh desk for each story."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.access.desk import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.access.close()
