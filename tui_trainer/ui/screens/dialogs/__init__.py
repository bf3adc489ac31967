"""Dialogs in front of the dashboard."""
