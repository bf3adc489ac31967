"""Compare runs: settings, environments, interventions, and what changed since a run was recorded."""
