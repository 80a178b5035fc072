"""Interlock: a contingent-order server. One position, one exit; nothing left behind."""

__version__ = "0.1.0"
