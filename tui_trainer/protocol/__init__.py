"""What crosses between a trainer and its viewers: events, commands, their lines, and the state folded from them."""
