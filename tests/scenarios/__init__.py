"""Scenarios: what happens to a trader, told line by line on a tape."""
