"""Doubles of venues, on the wire."""
