"""The training: the only package, beside `parts`, with torch at module level."""
