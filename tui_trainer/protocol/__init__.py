"""The messages between a host and its viewers: events, commands, requests, and their encoding as lines."""
