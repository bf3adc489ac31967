"""Validation, metrics, baselines and early stopping."""
