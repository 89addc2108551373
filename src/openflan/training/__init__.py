"""Training: the loop, its loss, optimizers, checkpoints, and what a run needs."""
