"""The queue: runs that are trained one after another."""
