"""How the tables came to be, step by step; each revision is a file in `versions`.

`migrate` brings a database up to date; workers that start together do it once. `behind`
tells whether a database still needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

_LOCK: Final = 20_420_317  # any number that nobody else locks in this database


def configuration() -> Config:
    """Alembic's configuration; no file of ours is outside the package."""
    config = Config()
    # The option is interpolated: a percent sign in the path is written twice.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def migrate(engine: Engine) -> None:
    """Bring the tables up to date, all or nothing."""
    config = configuration()
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def behind(engine: Engine) -> bool:
    """Whether the tables are missing or of another version than this program."""
    newest = ScriptDirectory.from_config(configuration()).get_current_head()
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() != newest
