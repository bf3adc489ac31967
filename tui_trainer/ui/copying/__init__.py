"""The texts that `y` copies: values, rows, tables, paths and commands."""
