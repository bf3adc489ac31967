"""The loss that a run has still to gain: the tail of its validation curve extrapolated, with an interval."""
