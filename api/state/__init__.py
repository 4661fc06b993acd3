"""What is known of connectors and pipelines, kept ready for requests."""
