"""Checkpoints: file format, snapshots, saving and restoring."""
