"""Which connectors and pipelines exist."""
