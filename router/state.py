"""Answers and their steps in a transactional store, with one lease per answer.

SQLite in write-ahead mode, through SQLAlchemy Core; Alembic brings an older store up to date. Calls
block for milliseconds: asynchronous callers use ``asyncio.to_thread``. It holds no checkpoints:
those are the graph library's, in a file beside it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, InvalidRequestError

from router.contracts import Answer
from router.tables import answers, steps
from specialists.foundation.contracts import Finding, Value
from specialists.foundation.errors import ConfigError, FinrouteError, NotFound
from specialists.workspace import home

HEAD = "0001"
"""The migration this release needs."""
MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_S = 10.0
"""Seconds a writer waits for another."""


class Recorded(Value):
    """An answer as the store has it: perhaps still under way, perhaps without an end."""

    id: str
    created: datetime
    workspace: str
    question: str
    status: str
    """``running``, ``rests`` (waits for approval), ``failed``, or the answer's own status."""
    error: str = ""
    answer: Answer | None = None
    steps: tuple[Finding, ...] = ()
    """Findings in the order they came, mended plans' after the first's."""


class Leased(FinrouteError):
    """Another process works on this answer."""

    status = 409


def default_url() -> str:
    """The store of this user."""
    return f"sqlite:///{home.home() / 'answers.sqlite'}"


class State:
    """The store. Safe to use from many threads; any number of processes may have it open."""

    def __init__(self, url: str = "") -> None:
        """Open the store, make it if it is not there, bring it up to date.

        Raises:
            ConfigError: not an SQLite URL, or a place that cannot be written.
            FinrouteError: a store made by a later release.
        """
        self.url = sa.make_url(url or default_url())
        if self.url.get_backend_name() != "sqlite":
            raise ConfigError(f"state.url must be an sqlite:/// URL, not {self.url.drivername}")
        if not self.url.database or self.url.database == ":memory:":
            raise ConfigError("state.url must name a file: sqlite:////path/to/answers.sqlite")
        self.path = Path(self.url.database)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot make {self.path.parent}: {error.strerror}") from error
        self._engine = sa.create_engine(self.url, connect_args={"timeout": BUSY_S})
        event.listen(self._engine, "connect", _pragmas)
        try:
            self._migrate()
        except DatabaseError as error:
            raise ConfigError(f"cannot use {self.path}: {error.orig}") from error

    @property
    def checkpoints(self) -> Path:
        """The file beside it that holds the graph's checkpoints."""
        return self.path.with_name(f"{self.path.stem}-checkpoints.sqlite")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    # --- writing --------------------------------------------------------------------------------

    def begin(self, id: str, *, question: str, workspace: str, owner: str, lease_s: float) -> None:
        """Note that an answer is being worked on, leased to ``owner``."""
        with self._engine.begin() as connection:
            connection.execute(
                answers.insert().values(
                    id=id,
                    created=datetime.now(UTC),
                    workspace=workspace,
                    question=question,
                    status="running",
                    leased_by=owner,
                    leased_until=time.time() + lease_s,
                )
            )

    def lease(self, id: str, owner: str, lease_s: float) -> None:
        """Take or renew the lease on an answer. One process at a time works on it.

        Raises:
            NotFound: no such answer.
            Leased: another owner has it, and its lease has not run out.
        """
        now = time.time()
        mine = sa.or_(answers.c.leased_by == owner, answers.c.leased_until < now)
        with self._engine.begin() as connection:
            taken = connection.execute(
                answers.update()
                .where(answers.c.id == id, mine)
                .values(leased_by=owner, leased_until=now + lease_s)
            )
            if taken.rowcount:
                return
            until = connection.execute(
                sa.select(answers.c.leased_until).where(answers.c.id == id)
            ).scalar()
        if until is None:
            raise NotFound(f"no answer {id}")
        raise Leased(f"answer {id} is being worked on; try again in {max(until - now, 0):.0f} s")

    def release(self, id: str, owner: str) -> None:
        """Give the lease back."""
        mine = (answers.c.id == id, answers.c.leased_by == owner)
        with self._engine.begin() as connection:
            connection.execute(answers.update().where(*mine).values(leased_by="", leased_until=0.0))

    def note(self, id: str, status: str, error: str = "") -> None:
        """Write down where an answer without an end stands."""
        with self._engine.begin() as connection:
            connection.execute(
                answers.update().where(answers.c.id == id).values(status=status, error=error)
            )

    def step(self, id: str, round: int, finding: Finding) -> None:
        """Write down a finding. The same step written again replaces itself."""
        mine = (steps.c.answer == id, steps.c.round == round)
        with self._engine.begin() as connection:
            connection.execute(steps.delete().where(*mine, steps.c.subtask == finding.subtask))
            last = connection.execute(
                sa.select(sa.func.max(steps.c.position)).where(steps.c.answer == id)
            ).scalar()
            connection.execute(
                steps.insert().values(
                    answer=id,
                    round=round,
                    subtask=finding.subtask,
                    position=0 if last is None else last + 1,
                    specialist=finding.specialist,
                    status=finding.status,
                    seconds=finding.seconds,
                    body=finding.model_dump_json(),
                )
            )

    def finish(self, answer: Answer) -> None:
        """Write down the answer. Writing it again changes nothing."""
        with self._engine.begin() as connection:
            connection.execute(
                answers.update()
                .where(answers.c.id == answer.id)
                .values(
                    status=answer.status,
                    error="",
                    seconds=answer.seconds,
                    cost_usd=answer.usage.cost_usd,
                    body=answer.model_dump_json(),
                )
            )

    # --- reading --------------------------------------------------------------------------------

    def read(self, id: str) -> Recorded:
        """An answer by its id, or by the beginning of it where only one begins so.

        Raises:
            NotFound: none, or several.
        """
        known = answers.c.id == id
        if len(id) >= 4 and id.isalnum():
            known = sa.or_(known, answers.c.id.startswith(id, autoescape=True))
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(answers).where(known).limit(9)).mappings().all()
            if not rows:
                raise NotFound(f"no answer {id!r}")
            if len(rows) > 1:
                raise NotFound(f"{len(rows)} answers begin with {id!r}; give more of the id")
            row = rows[0]
            order = (steps.c.round, steps.c.position)
            found = connection.execute(
                sa.select(steps.c.body).where(steps.c.answer == row["id"]).order_by(*order)
            ).scalars()
            findings = tuple(Finding.model_validate_json(body) for body in found)
        return _recorded(row, findings)

    def latest(self, limit: int = 20) -> Sequence[Recorded]:
        """The last answers, newest first, without their steps."""
        query = sa.select(answers).order_by(answers.c.created.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [_recorded(row) for row in connection.execute(query).mappings()]

    # --- making ---------------------------------------------------------------------------------

    def _migrate(self) -> None:
        if self._revision() == HEAD:
            return
        from alembic import command
        from alembic.config import Config
        from alembic.util.exc import CommandError

        config = Config(attributes={})
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self._engine.connect() as connection:
            # One process migrates: the write lock is taken before the revision is looked at again.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise FinrouteError(f"{self.path} was made by a later release: {error}") from error
            with suppress(InvalidRequestError):
                connection.commit()

    def _revision(self) -> str | None:
        with self._engine.connect() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            version = sa.text("SELECT version_num FROM alembic_version")
            return connection.execute(version).scalar()


def _recorded(row: Any, findings: tuple[Finding, ...] = ()) -> Recorded:
    return Recorded(
        id=row["id"],
        created=row["created"].replace(tzinfo=UTC),
        workspace=row["workspace"],
        question=row["question"],
        status=row["status"],
        error=row["error"],
        answer=None if row["body"] is None else Answer.model_validate_json(row["body"]),
        steps=findings,
    )


def _pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
