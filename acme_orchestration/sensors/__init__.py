"""The sensor that keeps checking connectors."""
