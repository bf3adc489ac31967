"""Training in several processes: their shares of a batch, the beat that they agree by, and what they measure."""
