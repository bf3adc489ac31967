"""Races on the screen: the form, the curves as they come, the results, and the choice."""
