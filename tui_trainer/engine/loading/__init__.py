"""Batches of data that is read while the run trains: data sets with an index, and streams."""
