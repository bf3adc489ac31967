"""Steps that are tried and taken back: the run goes on to the bit as if they had not been taken."""
