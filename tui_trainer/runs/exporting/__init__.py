"""Runs, and logs of other programs, as files that other programs open: tables, event files, pictures, pages."""
