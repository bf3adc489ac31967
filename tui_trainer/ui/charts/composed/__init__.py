"""Charts that are a choice of series: those a run logs beside the standard ones."""
