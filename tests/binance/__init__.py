"""Binance over the wire: the adapter, the real library, and a double of the exchange."""
