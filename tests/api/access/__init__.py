"""Stories of access: what lets a request in, and everything that must not."""
