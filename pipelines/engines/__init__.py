"""What runs a pipeline and owns time, state, retries, checkpoints and dead letters."""
