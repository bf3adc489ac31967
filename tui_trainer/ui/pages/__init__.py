"""The pages beside the charts: findings, layers, runs."""
