"""Measurements during training: losses, rates, norms, layer statistics, step probes."""
