"""Learning-rate schedules, as pure functions of a clock."""
