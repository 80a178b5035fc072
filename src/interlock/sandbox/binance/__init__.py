"""Binance Spot and USD-M Futures as a client meets them, without Binance."""
