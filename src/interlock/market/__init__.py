"""What is seen: market files as ticks, and markets that are made up or written down."""
