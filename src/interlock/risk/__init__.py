"""Step 3: the gates. Pure checks of size, rate and loss before an order may leave."""
