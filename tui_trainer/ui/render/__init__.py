"""Rendering: from chart data to terminal cells."""
