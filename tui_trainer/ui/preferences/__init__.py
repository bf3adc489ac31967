"""The things that the screen remembers: the last view of each project, the chosen theme, and the settings file."""
