"""The test_<connector> jobs."""
