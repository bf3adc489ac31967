"""A run of several processes: their start by torch's launcher, rank 0 as the host, the others, and their ends."""
