"""The history of a run as charts need it: abandoned branches, and the decision for a logarithmic axis."""
