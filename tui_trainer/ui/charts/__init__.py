"""Charts: pure functions from run states and a view to chart data, without colours, characters or widgets."""
