"""What the curves of a run say about it: pure rules over its history, findings with their evidence."""
