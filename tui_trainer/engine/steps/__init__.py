"""Step functions: how one batch changes the weights."""
