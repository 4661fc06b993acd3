"""How fast a sync is, beside its peers: `python -m benchmarks.sync`."""
