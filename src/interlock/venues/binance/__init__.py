"""Binance USD-M Futures, over the field's own library."""
