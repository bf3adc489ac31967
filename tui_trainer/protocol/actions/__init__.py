"""The actions of a preset: parsed for a run, and written for a preset."""
