"""What is measured and what is attacked, outside the tests: slow, and printed as tables."""
