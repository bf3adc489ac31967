"""The `[allow]` tables of presets and settings: what each kind of sender may do to a run."""
