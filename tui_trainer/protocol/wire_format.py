"""Constants of the socket protocol. Imports nothing, so that `send` starts quickly."""

PROTOCOL = 1
"""Rises when an older viewer could not understand a newer host."""
GREETING = b'{"type":"Greeting"'
ASK = b'{"type":"Ask"'
ANSWER = b'{"type":"Answer"'
