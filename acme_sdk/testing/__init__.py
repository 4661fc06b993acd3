"""The harness that finds what is wrong with a connector before its users do."""
