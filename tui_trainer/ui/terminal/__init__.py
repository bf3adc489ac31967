"""The terminal itself: what it can do, how it is written to, and how it gets back what it lent.

Textual is pinned exactly because the modules here lean on its inside; `tests/ui/terminal` holds one test for
each place. `problem` imports nothing of it.
"""
