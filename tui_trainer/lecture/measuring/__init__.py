"""Measure rows: portions of the work, one after another or in several processes."""
