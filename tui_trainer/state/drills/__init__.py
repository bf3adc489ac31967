"""The part of a run's state that is withheld in a drill."""
