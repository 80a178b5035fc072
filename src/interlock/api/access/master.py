"""The master key: where it comes from, and that nobody else can read it there.

Decides which of environment, key file and keyring is asked. Invariant: a new master key is made
only where nothing was sealed yet; otherwise a missing one is said to be missing.
"""

import base64
import binascii
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import keyring
from keyring.errors import KeyringError

from interlock.api.access.errors import AccessUnavailable, MasterKeyMissing, MasterKeyUnfit
from interlock.api.access.vault import KEY_BYTES

VARIABLE: Final = "INTERLOCK_MASTER_KEY"
NAME: Final = "master.key"
KEYRING_USER: Final = "master-key"
_READ_MAX: Final = 4_096


def master_key(
    folder: Path,
    environ: Mapping[str, str],
    first_start: bool,
    key_file: Path | None = None,
    keyring_service: str = "",
) -> bytes:
    """The 32 bytes from the first place that has them; at a first start they are made.

    ``key_file`` replaces ``master.key`` in the folder; ``keyring_service`` says that the OS keyring
    is asked when there is no such file. Raises ``AccessError``, with a message for a person.
    """
    if VARIABLE in environ:
        return _decoded(environ[VARIABLE], f"the environment variable {VARIABLE}")
    path = key_file or folder / NAME
    if path.exists():
        return _of_file(path)
    if keyring_service:
        return _of_keyring(keyring_service, first_start)
    if key_file is not None or not first_start:
        raise MasterKeyMissing(
            f"there is no master key: neither {VARIABLE} is set, nor is there the file {path}. The "
            f"secrets in {folder} cannot be opened without the key they were sealed with: restore "
            f"it. A new one for a new folder is made with `openssl rand -base64 32`."
        )
    _make_file(path)
    return _of_file(path)


def new_key() -> str:
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def _decoded(text: str, place: str) -> bytes:
    try:
        key = base64.b64decode(text.strip().encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        key = b""
    if len(key) != KEY_BYTES:
        # What was found is not quoted: it may be most of a key.
        raise MasterKeyUnfit(
            f"{place} must hold {KEY_BYTES} bytes as base64 ({4 * -(-KEY_BYTES // 3)} characters, "
            f"as `openssl rand -base64 {KEY_BYTES}` prints them), and does not."
        )
    return key


def _of_file(path: Path) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            # Of the open file, not of the path: nobody can put another in its place meanwhile.
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise MasterKeyUnfit(f"the key file {path} is not a file.")
            if found.st_mode & 0o077:
                raise MasterKeyUnfit(
                    f"the key file {path} can be read by others (mode "
                    f"{stat.S_IMODE(found.st_mode):04o}). Run `chmod 600 {path}`; if others may "
                    f"have read it, consider all secrets known and make them anew."
                )
            content = file.read(_READ_MAX)
    except OSError as error:
        raise AccessUnavailable(f"the key file {path} cannot be read: {error.strerror}.") from error
    return _decoded(content.decode("latin-1"), f"the key file {path}")


def _make_file(path: Path) -> None:
    """Whole or not at all, and by one of two processes that start at once."""
    try:
        fd, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # 0600
        try:
            with os.fdopen(fd, "w") as file:
                file.write(new_key() + "\n")
                file.flush()
                os.fsync(fd)
            os.link(draft, path)
        finally:
            os.unlink(draft)
        sync_folder(path.parent)
    except FileExistsError:
        return
    except OSError as error:
        raise AccessUnavailable(
            f"the key file {path} cannot be made: {error.strerror}. Make the folder writable, or "
            f"set {VARIABLE}."
        ) from error


def sync_folder(folder: Path) -> None:
    """So that a name made in it outlives the power."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _of_keyring(service: str, first_start: bool) -> bytes:
    try:
        found = keyring.get_password(service, KEYRING_USER)
        if found is None and first_start:
            keyring.set_password(service, KEYRING_USER, new_key())
            found = keyring.get_password(service, KEYRING_USER)
    except KeyringError as error:
        raise AccessUnavailable(
            f"the OS keyring does not answer ({error}). Unlock it, or set {VARIABLE}, or use a "
            f"key file."
        ) from error
    if found is None:
        raise MasterKeyMissing(
            f"the OS keyring has no entry {KEYRING_USER!r} of {service!r}, and the secrets here "
            f"were sealed with a master key. Restore the entry, or set {VARIABLE}."
        )
    return _decoded(found, f"the entry {KEYRING_USER!r} of {service!r} in the OS keyring")
