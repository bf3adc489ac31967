"""Databases of MLflow and Trackio, which are opened read only."""
