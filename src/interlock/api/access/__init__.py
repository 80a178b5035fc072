"""Access: who may ask the server what, how they prove it, and what is kept of their asking."""
