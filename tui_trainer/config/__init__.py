"""One run, fully described, and the files it is read from."""
