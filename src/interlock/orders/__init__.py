"""The words: what a trader, a venue and a market can say, and what is written down about it."""
