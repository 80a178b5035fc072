"""What can go wrong with the world around the line. Nobody catches these but the outermost edge."""


class RuntimeTrouble(Exception):
    """The line can't go on."""


class JournalFenced(RuntimeTrouble):
    """Another writer has the journal: this one must stop at once."""


class JournalUnwritten(RuntimeTrouble):
    """The disk fails: an append was tried as often as it may be, and never landed."""
