"""Pure risk control: what is held against limits, and the gates a request must pass."""
