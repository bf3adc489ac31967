"""Runs that differ only in their seed, drawn as one curve: the mean of them, within its deviation."""
