"""The checks: one module per part of the lecture, one function per row."""
