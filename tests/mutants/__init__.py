"""Tests of the planted bugs: that they can be planted, and that a survivor is told."""
