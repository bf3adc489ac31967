"""The senders of commands: their names, and words about the wheel."""
