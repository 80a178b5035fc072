"""A whole world from one seed: orders, market, faults, and an auditor watching."""
