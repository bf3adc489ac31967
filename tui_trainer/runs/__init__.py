"""Run directories: write them during training, list and read them afterwards."""
