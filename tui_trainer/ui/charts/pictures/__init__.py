"""Charts of the pictures that a run records: one module for each kind of drawing."""
