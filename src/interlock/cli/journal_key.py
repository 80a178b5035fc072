"""The key of an encrypted journal, for the commands that read one.

Decides where the master key is looked for: where the server of that folder looks. Invariant: a key
is asked for only where a journal is encrypted, or is to be.
"""

import os
from pathlib import Path

from interlock.api.access.master import master_key
from interlock.api.access.opening import JOURNAL
from interlock.api.access.vault import Vault
from interlock.api.config import NAME, ConfigWrong, load
from interlock.cli.errors import BadInput
from interlock.journal.database import encrypted


def key_of(folder: Path) -> bytes | None:
    """What opens the journal in a folder; nothing for a plain one."""
    return journal_key(folder) if encrypted(folder) else None


def journal_key(folder: Path) -> bytes:
    """Made of the master key: of the environment, or of the data folder that the journal is in."""
    data = folder.absolute().parent
    try:
        secrets = load(data / NAME, os.environ).secrets
    except ConfigWrong as error:
        raise BadInput(str(error)) from error
    file = Path(secrets.key_file) if secrets.key_file else None
    master = master_key(data, os.environ, False, file, secrets.keyring)
    return Vault(master).derive(JOURNAL)
