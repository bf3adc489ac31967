"""Optimizers that torch does not have, and the sampling of imported schedulers: the torch side of the components."""
