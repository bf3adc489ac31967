"""The state of a run, folded from its events: one reducer for host, viewer and journal."""
