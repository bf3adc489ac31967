"""The dashboard: charts, numbers and log of the runs on the screen, and the actions behind its keys."""
