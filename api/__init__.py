"""The Flask API that reads the Dagster instance."""
