"""Called by Alembic; the connection comes from `migrate`."""

from __future__ import annotations

from alembic import context

from central_backend.database import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
