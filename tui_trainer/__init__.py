"""A terminal UI for training PyTorch models."""

__version__ = "0.1.0"
