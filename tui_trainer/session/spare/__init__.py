"""A host that has imported torch before there is something to train, so that the next training starts at once."""
