"""One script that tries everything on a GPU in a few minutes: `python -m benchmarks.gpu`."""
