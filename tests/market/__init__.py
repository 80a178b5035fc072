"""Market data: files read, increments inferred, markets made up."""
