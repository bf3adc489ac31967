"""Guards of presets, and those that the command line adds."""
