"""The newest race of a run: its curves as they come, its outcome, and the decision about it."""
