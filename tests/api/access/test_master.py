"""The master key: where it comes from, who may read it, and what its absence or change means."""

from __future__ import annotations

import base64
import os
import stat
import threading
from pathlib import Path

import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from interlock.api.access.errors import (
    AccessUnavailable,
    MasterKeyMissing,
    MasterKeyUnfit,
    MasterKeyWrong,
    SealBroken,
)
from interlock.api.access.master import NAME, VARIABLE, master_key, new_key
from interlock.api.access.opening import Access
from interlock.api.access.vault import Vault
from tests.api.access.desk import Clock, House

KEY = bytes(range(32))
TEXT = base64.b64encode(KEY).decode()


class Ring(KeyringBackend):
    """An OS keyring that remembers."""

    priority = 1  # type: ignore[assignment]

    def __init__(self, locked: bool = False) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = locked

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("locked")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


@pytest.fixture
def ring():
    before = keyring.get_keyring()
    made = Ring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def test_a_first_start_makes_a_key_file_that_only_its_owner_can_read(tmp_path: Path):
    key = master_key(tmp_path, {}, first_start=True)
    assert len(key) == 32
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert master_key(tmp_path, {}, first_start=False) == key


def test_two_that_start_at_once_have_the_same_key(tmp_path: Path):
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(master_key(tmp_path, {}, True)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_the_environment_comes_first_then_the_file_then_the_keyring(tmp_path: Path, ring: Ring):
    assert master_key(tmp_path, {VARIABLE: TEXT}, True, keyring_service="interlock") == KEY
    assert not list(tmp_path.iterdir())
    assert not ring.entries
    of_ring = master_key(tmp_path, {}, True, keyring_service="interlock")
    assert not list(tmp_path.iterdir())
    assert master_key(tmp_path, {}, False, keyring_service="interlock") == of_ring
    of_file = master_key(tmp_path, {}, True)
    assert of_file != of_ring
    assert master_key(tmp_path, {}, False, keyring_service="interlock") == of_file


def test_a_keyring_that_lost_the_key_or_is_locked_says_so(tmp_path: Path, ring: Ring):
    with pytest.raises(MasterKeyMissing, match="Restore the entry"):
        master_key(tmp_path, {}, False, keyring_service="interlock")
    ring.locked = True
    with pytest.raises(AccessUnavailable, match="Unlock it"):
        master_key(tmp_path, {}, True, keyring_service="interlock")


def test_a_missing_key_is_never_replaced_where_secrets_are(tmp_path: Path):
    with pytest.raises(MasterKeyMissing, match="restore it"):
        master_key(tmp_path, {}, first_start=False)
    with pytest.raises(MasterKeyMissing):
        master_key(tmp_path, {}, first_start=True, key_file=tmp_path / "elsewhere.key")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int):
    master_key(tmp_path, {}, first_start=True)
    (tmp_path / NAME).chmod(mode)
    with pytest.raises(MasterKeyUnfit, match="chmod 600"):
        master_key(tmp_path, {}, first_start=False)


@pytest.mark.parametrize("text", ["", "x", TEXT[:-4], TEXT + "AAAA", "é" * 44, "=" * 44, "\0" * 32])
def test_what_is_no_key_is_refused_without_being_quoted(tmp_path: Path, text: str):
    with pytest.raises(MasterKeyUnfit) as said:
        master_key(tmp_path, {VARIABLE: text}, first_start=True)
    assert len(text) < 4 or text not in str(said.value)
    (tmp_path / NAME).write_text(text)
    (tmp_path / NAME).chmod(0o600)
    with pytest.raises(MasterKeyUnfit):
        master_key(tmp_path, {}, first_start=True)


def test_a_folder_or_a_pipe_in_place_of_the_key_file_is_refused(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    with pytest.raises((MasterKeyUnfit, AccessUnavailable)):
        master_key(tmp_path, {}, False, key_file=tmp_path / "folder")
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(MasterKeyUnfit, match="not a file"):
        master_key(tmp_path, {}, False, key_file=tmp_path / "pipe")


def test_a_wrong_master_key_ends_the_start_in_words_and_changes_nothing(house: House):
    client = house.key()
    house.access.close()
    before = (house.folder / "access.db").read_bytes()
    with pytest.raises(MasterKeyWrong, match="Give the right one"):
        Access(house.folder, {VARIABLE: new_key()}, Clock(), house.settings)
    assert (house.folder / "access.db").read_bytes() == before
    house.access = Access(house.folder, {}, house.clock, house.settings)
    assert not isinstance(client.asks(), str)
    assert client.asks().key_id == client.view.id


def test_a_seal_opens_only_as_it_was_in_its_own_row():
    vault = Vault(KEY)
    sealed = vault.seal(b"secret", b"row 1")
    assert vault.open(sealed, b"row 1") == b"secret"
    assert vault.seal(b"secret", b"row 1") != sealed
    assert b"secret" not in sealed
    for other, row in ((vault, b"row 2"), (Vault(bytes(32)), b"row 1")):
        with pytest.raises(SealBroken):
            other.open(sealed, row)


@given(place=st.integers(0, 500), new=st.integers(1, 255), cut=st.booleans())
def test_any_changed_or_shortened_seal_stays_shut(place: int, new: int, cut: bool):
    vault = Vault(KEY)
    sealed = vault.seal(b"a secret", b"row")
    at = place % len(sealed)
    broken = sealed[:at] if cut else sealed[:at] + bytes((sealed[at] ^ new,)) + sealed[at + 1 :]
    with pytest.raises(SealBroken):
        vault.open(broken, b"row")


def test_keys_for_different_purposes_differ():
    vault = Vault(KEY)
    assert len({vault.derive("seal"), vault.derive("tokens"), KEY}) == 3
    assert vault.derive("tokens") == Vault(KEY).derive("tokens")
