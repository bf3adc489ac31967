"""What a run can be made of: one file per family, one class per choice."""
