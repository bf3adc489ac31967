"""Step functions, and the measurements around a step."""
