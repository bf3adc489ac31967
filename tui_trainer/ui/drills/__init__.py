"""Drills on the screen: the task below the charts, the question for the cause, and hints."""
