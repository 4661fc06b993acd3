"""What the health checks of many connectors cost, in Dagster's own processes."""
