"""Train torch models from the terminal with your hands on the wheel."""

__version__ = "0.1.0"
