"""How the tables came to be what they are: one file per step in `versions/`, run by Alembic without any ini file.

To change the tables: add `versions/r0002_what_it_does.py` with `revision = "0002"` and `down_revision = "0001"`, change
`tables.py` to match, and set `REVISION` in `database.py`. Steps that were released are never edited.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory


def revisions() -> list[str]:
    """Every step we know, newest first."""
    return [script.revision for script in _scripts().walk_revisions()]


def upgrade(connection: sa.Connection) -> None:
    """Take the remaining steps, within the connection's transaction."""
    scripts = _scripts()

    def steps(revision: Any, _context: Any) -> Any:
        return scripts._upgrade_revs("head", revision)  # noqa: SLF001  (as Alembic's own `command.upgrade` does)

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent))
