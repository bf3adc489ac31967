"""Short texts on charts: interventions in words, and names of layers that still differ."""
