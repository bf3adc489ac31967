"""Charts: pure functions from run states and a view to chart data."""
