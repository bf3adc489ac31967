"""Reach a user who looks elsewhere: the title of the terminal, the bell and the notifications of the desktop."""
