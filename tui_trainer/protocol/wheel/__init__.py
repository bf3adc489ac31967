"""The senders of commands: their names, and what each kind may send."""
