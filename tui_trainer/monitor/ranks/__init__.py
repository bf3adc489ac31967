"""A `Monitor` in each of several processes that train together: one run, steered on all of them at one step."""
