"""Runs of several processes on the command line: their number, and one of them without a screen."""
