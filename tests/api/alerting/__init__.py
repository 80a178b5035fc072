"""Alerts, to real receivers on loopback."""
