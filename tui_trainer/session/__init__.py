"""Between a host and its viewers. The viewer's side imports no torch; the host's side is imported by hosts alone."""
