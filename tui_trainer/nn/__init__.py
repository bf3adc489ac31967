"""Modules, weight initialization and loss functions: the torch side of the model and loss components."""
