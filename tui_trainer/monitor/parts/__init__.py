"""The parts of a script, as its run knows them: numbers, optimizers, schedule, controls, and what is kept."""
