"""Branches of a run: what an undo, a redo, a roll-back or a race leaves, and how it is taken up again."""
