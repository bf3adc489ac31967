"""Keeping runs from the screen: the questions about one run, and the actions behind them."""
