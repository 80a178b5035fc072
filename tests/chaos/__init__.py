"""Real processes, killed and hurt: the small runs."""
