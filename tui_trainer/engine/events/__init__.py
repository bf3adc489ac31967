"""The event stream of a run and the events about the run as a whole."""
