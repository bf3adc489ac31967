"""Pictures of a run, taken while it trains without changing it: one source for each kind."""
