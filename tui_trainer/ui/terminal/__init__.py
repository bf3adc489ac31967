"""The terminal: checks before the start, the driver, frames, key order, signals, and restoring it at the end.

These modules use private parts of Textual, so its version is pinned; `tests/ui/terminal/test_contract.py` has one test
for each private part. `terminal_check` imports no Textual.
"""
