"""Courses, the claims of their lessons, and drills, as they are written in TOML."""
