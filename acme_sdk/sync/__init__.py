"""Source to destination: read, stage, publish, checkpoint."""
