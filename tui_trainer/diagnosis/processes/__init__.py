"""Findings about the machine: several processes that train together, one of which holds up the others."""
