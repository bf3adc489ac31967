"""The answers of a model on samples that a user chooses or types, taken without changing the run."""
