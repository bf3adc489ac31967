"""The guards of a run on the screen: the line to type, its dry run, and the list of those that there are."""
