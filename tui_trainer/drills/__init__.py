"""Rescue drills: sick runs to name the cause of and to cure, their score, and the line that is handed in."""
