"""What can go wrong with the keeping of keys and secrets, each with a message that says what to do.

Decides the one small tree of exceptions that ends a start. Invariant: whoever asks the server for
something never meets one of these; a request that is not let in gets a ``Problem``.
"""


class AccessError(Exception):
    """Keys, sessions and halts cannot be kept as they must be."""


class MasterKeyMissing(AccessError):
    """There are secrets here, and no master key to open them with."""


class MasterKeyUnfit(AccessError):
    """What was given as master key is none, or others can read it."""


class MasterKeyWrong(AccessError):
    """The master key is not the one that the secrets here were sealed with."""


class SealBroken(AccessError):
    """A sealed secret was altered, or belongs to another row."""


class AccessUnavailable(AccessError, OSError):
    """The disk or the database said no: full, read-only, busy."""


class AccessDamaged(AccessError):
    """The database is not one of ours, or not whole."""


class VenueCredentialsMissing(AccessError):
    """A venue's credentials are not here, or not those for this environment."""
