"""Bringing a database to the revision that this code works with, once, whoever comes first."""

from __future__ import annotations

from pathlib import Path

from licet.verifier.history import StoreError

from .database import Database, Driver
from .schema import HEAD


def bring_up_to_date(database: Database) -> None:
    """Migrate if need be. Raises StoreError where the tables are of a later version of licet, the
    driver's and SQLAlchemy's exceptions where something fails; nothing is half-done then."""
    driver = database.connect()
    try:
        if database.revision(driver) != HEAD:
            _migrate(database, driver)
    finally:
        driver.close()


def _migrate(database: Database, driver: Driver) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    url = f"{database.dialect.name}+{database.dialect.driver}://"
    engine = create_engine(url, creator=lambda: driver, poolclass=StaticPool)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with engine.connect() as connection, database.alone(connection):
        found = database.revision(driver)  # again: another process may have been faster
        if found == HEAD:
            return
        if found is not None and found not in known:
            raise StoreError(
                f"{database.name}: its tables (revision {found}) are of a later version of licet "
                f"than this one (revision {HEAD}): update licet here as well"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
