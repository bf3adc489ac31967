"""What a user keeps of a run: its name, tags and note, hidden or not, and what of it stays on disk."""
