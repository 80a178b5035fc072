"""Credentials of venues: sealed to venue and environment, and never shown."""

from __future__ import annotations

import sqlite3
import traceback
from contextlib import closing

import pytest

from interlock.api.access.errors import SealBroken, VenueCredentialsMissing
from tests.api.access.desk import House

KEY, SECRET = "the-venues-own-key", "nobody-may-read-this"


def on_the_disk(house: House) -> bytes:
    return b"".join(path.read_bytes() for path in house.folder.iterdir() if path.is_file())


def change(house: House, statement: str) -> None:
    with closing(sqlite3.connect(house.folder / "access.db")) as db, db:
        db.execute(statement)


def test_what_is_kept_is_had_again_by_the_next_life_and_lies_sealed(house: House):
    house.access.venues.keep("BINANCE", "testnet", KEY, SECRET)
    for _ in range(2):
        found = house.access.venues.of("BINANCE", "testnet")
        assert (found.key, found.secret) == (KEY, SECRET)
        assert KEY not in repr(found) and SECRET not in repr(found)
        assert SECRET.encode() not in on_the_disk(house)
        assert KEY.encode() not in on_the_disk(house)
        house.restart()
    (view,) = house.access.venues.listed()
    assert (view.venue, view.environment, view.damaged) == ("BINANCE", "testnet", False)
    assert SECRET not in repr(view) and KEY not in repr(view)


def test_those_of_another_environment_start_nothing(house: House):
    house.access.venues.keep("BINANCE", "live", KEY, SECRET)
    with pytest.raises(VenueCredentialsMissing) as told:
        house.access.venues.of("BINANCE", "testnet")
    assert "are for live, and this server is testnet" in str(told.value)
    assert "interlock credentials set BINANCE --environment testnet" in str(told.value)
    assert SECRET not in "".join(traceback.format_exception(told.value))
    with pytest.raises(VenueCredentialsMissing, match="there are no credentials of KRAKEN"):
        house.access.venues.of("KRAKEN", "live")
    house.access.venues.keep("BINANCE", "testnet", "other", "one")
    assert house.access.venues.of("BINANCE", "testnet").key == "other"
    assert house.access.venues.of("BINANCE", "live").key == KEY


@pytest.mark.parametrize(
    "change_of",
    [
        "UPDATE credentials SET environment='testnet'",
        "UPDATE credentials SET venue='KRAKEN', environment='testnet'",
        "UPDATE credentials SET set_at=set_at+1, environment='testnet'",
        "UPDATE credentials SET sealed=x'00', environment='testnet'",
        "UPDATE credentials SET sealed='text', environment='testnet'",
    ],
)
def test_a_row_that_was_moved_or_altered_does_not_open(house: House, change_of: str):
    house.access.venues.keep("BINANCE", "live", KEY, SECRET)
    change(house, change_of)
    (view,) = house.access.venues.listed()
    assert view.damaged
    with pytest.raises(SealBroken, match="Set them again"):
        house.access.venues.of(view.venue, "testnet")


def test_what_cannot_be_credentials_is_refused_unquoted(house: House):
    wrong = [
        ("binance", "live", KEY, SECRET),
        ("BINANCE", "prod", KEY, SECRET),
        ("BINANCE", "live", " ", SECRET),
        ("BINANCE", "live", KEY, SECRET * 1_000),
    ]
    for arguments in wrong:
        with pytest.raises(ValueError) as told:
            house.access.venues.keep(*arguments)
        assert SECRET not in str(told.value) and KEY not in str(told.value)
    assert house.access.venues.listed() == []


def test_those_that_are_removed_are_gone(house: House):
    house.access.venues.keep("BINANCE", "live", KEY, SECRET)
    assert house.access.venues.remove("BINANCE", "live")
    assert not house.access.venues.remove("BINANCE", "live")
    with pytest.raises(VenueCredentialsMissing):
        house.access.venues.of("BINANCE", "live")
