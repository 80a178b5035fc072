"""Wire-level doubles of real venues on loopback, for tests and for rehearsing."""
