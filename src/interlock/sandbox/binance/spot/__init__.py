"""Spot: orders, order lists, balances and streams."""
