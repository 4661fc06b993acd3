"""The embedded default that 'acme dev' runs."""
