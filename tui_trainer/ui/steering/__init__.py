"""Steering: what a form would change, the controls of the steer panel, and what has to be asked first."""
