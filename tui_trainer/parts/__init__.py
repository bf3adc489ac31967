"""What components build: modules, objectives, samples, pairs of optimizers. Imported only when something is built."""
