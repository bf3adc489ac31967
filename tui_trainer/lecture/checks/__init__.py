"""One module for each part of the lecture, one function for each of its rows."""
