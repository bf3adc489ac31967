"""Guards in a run: armed, evaluated after steps and epochs, and the copies of the run to which they go back."""
