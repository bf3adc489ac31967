"""Diagnose a run from its curves: pure rules over its history, findings with their evidence."""
