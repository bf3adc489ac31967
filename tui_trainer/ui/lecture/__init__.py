"""The lecture on the screen: the tour and the narration of a lesson."""
