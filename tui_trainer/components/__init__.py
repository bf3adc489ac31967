"""The components of a run: one file per family, one class per choice."""
