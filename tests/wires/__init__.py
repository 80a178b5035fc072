"""Worlds over a real wire, a few of them; ``script/wires`` does the same at length."""
