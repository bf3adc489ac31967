"""The dialogs in front of the dashboard."""
