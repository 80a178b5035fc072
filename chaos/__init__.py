"""Real crashes: the real process on a real disk, killed at random moments, and what must hold."""
