"""The checks, one module per noun; see `acme_sdk.testing.registry`."""
