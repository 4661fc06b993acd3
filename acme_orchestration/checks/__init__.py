"""The external asset and the health check of each connector."""
