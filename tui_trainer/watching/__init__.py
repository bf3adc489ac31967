"""`tui-trainer watch`: a script that is not edited, on a terminal of its own, read by patterns and steered."""
