"""Stories of the server: its routes, its answers, and who gets them."""
