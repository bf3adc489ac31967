"""The chart kinds, one module each."""
