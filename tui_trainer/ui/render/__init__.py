"""Rendering: from chart data to terminal cells, and the widgets that show them."""
