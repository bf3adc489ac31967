"""Readers of the logs that other programs write: a function for each format, from a path and a position to columns."""
