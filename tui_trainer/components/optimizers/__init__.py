"""Optimizer descriptions."""
