"""Whole worlds from seeds."""
