"""The auditor: a second, simpler book-keeping that checks the guarantees over a run."""
