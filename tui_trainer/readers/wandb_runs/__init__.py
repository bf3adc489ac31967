"""Run files of W&B: their framing, and their contents through wandb's own message classes."""
