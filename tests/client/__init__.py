"""The Python client, against a real server over real HTTP."""
