"""The command line: demo, replay, and the journal read aloud."""
