"""Studies: what several trainings say together."""
