"""Event files of TensorBoard: records, the wire format of their messages, scalars and hyperparameters."""
