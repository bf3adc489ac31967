"""Optimizers that torch does not have: the torch side of the optimizer components."""
