"""Guards: rules in one line, such as `when val_loss rises 3 epochs: lr x0.5`. Without torch, and without a run."""
