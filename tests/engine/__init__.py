"""The engine: its tables, its refusals and its trigger index."""
