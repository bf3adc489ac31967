"""Samples, splits and their tensors: the torch side of the data set components."""
