"""The command line of `tui-trainer`."""
