"""Logs of other programs as runs: their columns become the events of a run, read only."""
