"""Data set descriptions."""
