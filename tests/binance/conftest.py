"""A double of Spot for the stories of one file, as if it were new for each."""

from collections.abc import Iterator

import pytest

from tests.sandbox.house import SpotExchange, spot_sandbox


@pytest.fixture(scope="module")
def shared() -> Iterator[SpotExchange]:
    with spot_sandbox() as exchange:
        yield exchange


@pytest.fixture
def spot(shared: SpotExchange) -> SpotExchange:
    shared.fresh()
    return shared
