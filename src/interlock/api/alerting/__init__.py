"""Telling someone: what happened, in a message to wherever a person looks."""
