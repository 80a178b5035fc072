"""The journal: its port, its files, damage to them, and the projection."""
