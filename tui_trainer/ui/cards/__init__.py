"""Cards: what is known of a run before it begins, and its result beside earlier runs at its end."""
