"""The harness beside the test suites of other SDKs."""
