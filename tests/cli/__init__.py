"""The command line: replay, demo, journals, and what it says about bad input."""
