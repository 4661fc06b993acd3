"""What answers consist of: problems, entity tags, headers."""
