"""The paper exchange: a whole venue in memory, driven by ticks, with its faults on a switch."""
