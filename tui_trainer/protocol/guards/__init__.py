"""The events about guards, and their texts."""
