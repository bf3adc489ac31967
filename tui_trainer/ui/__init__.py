"""The terminal user interface. Nothing outside this package imports Textual."""
