"""Planted bugs: the simulator's own test. Each must be caught within a stated number of seeds."""
