"""The line and what listens to it."""
