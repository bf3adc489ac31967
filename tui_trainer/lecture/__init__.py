"""The lecture: a course on training neural networks, as presets to watch and claims that are measured."""
