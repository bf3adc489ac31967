"""The queue of a runs directory: runs that are trained one after another."""
