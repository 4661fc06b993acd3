"""How Alembic runs the steps: on the connection, and in the transaction, that it is given."""

from alembic import context

from acme_orchestration.registry.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="acme_registry_version",
)
context.run_migrations()
