"""The name, tags and note that a user gives a run; hidden runs, and runs or checkpoints that go."""
