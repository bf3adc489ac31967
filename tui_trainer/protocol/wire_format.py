"""Constants of the socket protocol. Imports nothing, so that `send` starts quickly."""

PROTOCOL = 1
"""Version of the protocol: a viewer and a host of different versions do not understand each other."""
GREETING = b'{"type":"Greeting"'
"""Beginning of a host's first line."""
REQUEST = b'{"type":"Ask"'
"""Beginning of a request."""
RESPONSE = b'{"type":"Answer"'
"""Beginning of a response in words."""
