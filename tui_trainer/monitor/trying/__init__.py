"""Steps that a script's own loop takes and that are taken back: the same batches are handed out again."""
