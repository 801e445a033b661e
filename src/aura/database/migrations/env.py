"""What Alembic runs: one transaction on the connection it is handed."""

from alembic import context

from aura.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
