"""A viewer's connections: sessions with hosts and finished runs, and the launch of new hosts. Imports no torch."""
