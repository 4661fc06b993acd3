"""The steps from one form of the registry's tables to the next, for Alembic."""
