"""The configuration of a run, and the TOML files it is read from."""
