"""The API's list of connectors, beside Dagster's GraphQL and beside a server that sends stored bytes."""
