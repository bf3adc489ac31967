"""Files for other programs, written while a run trains: `--mirror tensorboard|csv|jsonl`."""
