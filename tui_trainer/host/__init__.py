"""The training process: a worker thread that trains, and a main thread that serves viewers and signals."""
