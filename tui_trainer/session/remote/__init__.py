"""Runs on other machines, through ssh."""
