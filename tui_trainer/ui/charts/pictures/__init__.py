"""The pictures that a run records of itself, drawn: one module for each kind of drawing."""
