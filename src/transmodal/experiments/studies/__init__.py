"""Studies: what several trainings of one paper say together."""
