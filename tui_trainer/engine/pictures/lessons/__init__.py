"""Pictures that explain one step of a method: memory, forgetting, back-propagation, curvature."""
