"""Runs the migrations on the connection that ``kg.ledger.database`` hands over."""

from alembic import context

from kg.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
