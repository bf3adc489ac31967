"""Command queue, command handlers and undo."""
