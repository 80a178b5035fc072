"""Risk: gates, blocks, limits, and what they must never stop."""
