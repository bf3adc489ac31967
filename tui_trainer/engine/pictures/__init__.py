"""Pictures of a run, taken while it trains and without a trace in it: one camera for each kind."""
