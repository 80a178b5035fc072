"""Worlds over a real wire: the adapter and its library against a double of the exchange."""
