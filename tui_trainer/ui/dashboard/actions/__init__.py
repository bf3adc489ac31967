"""The actions of the dashboard: the handlers of its keys."""
