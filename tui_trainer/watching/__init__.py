"""`tui-trainer watch`: a script that is not edited, run on a terminal of its own, read by patterns and steered by hooks."""
