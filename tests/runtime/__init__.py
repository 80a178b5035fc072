"""The line: inbox, turn, recovery."""
