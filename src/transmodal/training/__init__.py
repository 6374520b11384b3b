"""Training: plan, loop, step, checkpoint."""
