"""One Dagster resource per connector."""
