"""Speed and memory figures: `python -m benchmarks` prints them as a table."""
