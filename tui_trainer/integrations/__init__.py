"""Callbacks and trackers that put a `Monitor` into the loops of other libraries."""
