"""A run as one plain torch script that runs without this package."""
