"""The store: round trips, leases, history."""

import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from router.contracts import Answer, Claim, Source
from router.state import HEAD, MIGRATIONS, Leased, State
from router.tables import metadata
from specialists.foundation.contracts import (
    Cell,
    Finding,
    Plan,
    Quantity,
    Ref,
    Span,
    Step,
    Subtask,
    ToolEvent,
    Usage,
)
from specialists.foundation.errors import ConfigError, FinrouteError, NotFound

CELL = Cell(table="t", column="c", row={"company": "A", "year": 2020}, value=1.5, unit="USD")
FINDING = Finding(
    subtask="s1",
    specialist="table_qa",
    status="ok",
    value=Quantity(value=1.5, unit="USD", scale=1e6),
    evidence=(
        CELL,
        Span(document="d", start=0, end=4, text="1,5 €", known_at=date(2021, 1, 2)),
        Step(expression="1+1", result=2.0),
    ),
    trace=(ToolEvent(name="sql", arguments={"query": "SELECT 'ü'"}, result="[]", seconds=0.1),),
    replies=('{"value": "<n1>"}',),
    usage=Usage(calls=2, prompt_tokens=7),
)
ANSWER = Answer(
    id="a" * 32,
    question="what?",
    text="It is $1.5 million [1].",
    status="complete",
    claims=(
        Claim(text="It is $1.5 million [1].", finding="s1", value=FINDING.value, sources=(1,)),
    ),
    sources=(Source(number=1, title="t · c", evidence=CELL),),
    plan=Plan(
        subtasks=(
            Subtask(id="s1", specialist="table_qa", instruction="what?", inputs={"period": "2020"}),
            Subtask(id="s2", specialist="calculation", instruction="", inputs={"a": Ref(ref="s1")}),
        )
    ),
    findings=(FINDING,),
    workspace="demo",
    version="1",
    as_of=date(2024, 1, 1),
    created=datetime(2024, 1, 1, tzinfo=UTC),
    usage=Usage(calls=2, cost_usd=0.25),
    seconds=1.25,
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'deep' / 'answers.sqlite'}"


@pytest.fixture
def state(url: str):
    state = State(url)
    yield state
    state.close()


def begin(state: State, id: str = ANSWER.id, owner: str = "me", lease_s: float = 30) -> None:
    state.begin(id, question="what?", workspace="demo", owner=owner, lease_s=lease_s)


def test_an_answer_and_its_steps_come_back_as_they_were(state: State, url: str):
    begin(state)
    assert state.read(ANSWER.id).status == "running"
    state.step(ANSWER.id, 0, FINDING)
    state.finish(ANSWER)
    again = State(url)
    found = again.read(ANSWER.id)
    again.close()
    assert found.answer == ANSWER
    assert found.steps == (FINDING,)
    assert found.status == "complete"


def test_a_step_written_again_replaces_itself(state: State):
    begin(state)
    second = FINDING.model_copy(update={"subtask": "s2"})
    for finding in (FINDING, second, FINDING.model_copy(update={"attempts": 2})):
        state.step(ANSWER.id, 0, finding)
    steps = state.read(ANSWER.id).steps
    assert [(s.subtask, s.attempts) for s in steps] == [("s2", 1), ("s1", 2)]


def test_a_mended_plans_steps_stand_beside_the_firsts(state: State):
    begin(state)
    state.step(ANSWER.id, 1, FINDING)
    state.step(ANSWER.id, 0, FINDING.model_copy(update={"status": "failed"}))
    assert [s.status for s in state.read(ANSWER.id).steps] == ["failed", "ok"]


def test_an_answer_is_found_by_the_beginning_of_its_id(state: State):
    begin(state, "abcd1" + "0" * 27)
    begin(state, "abcd2" + "0" * 27)
    assert state.read("abcd1").id.startswith("abcd1")
    with pytest.raises(NotFound, match="2 answers begin with 'abcd'"):
        state.read("abcd")
    for wrong in ("ffff", "a", "", "%", "abc_"):
        with pytest.raises(NotFound, match="no answer"):
            state.read(wrong)


def test_the_latest_come_first(state: State):
    for id in ("a1" * 16, "b1" * 16, "c1" * 16):
        begin(state, id)
    assert [r.id[0] for r in state.latest(2)] == ["c", "b"]


def test_one_process_at_a_time_works_on_an_answer(state: State):
    begin(state, lease_s=0.2)
    with pytest.raises(Leased, match="is being worked on"):
        state.lease(ANSWER.id, "other", 30)
    state.lease(ANSWER.id, "me", 0.2)
    time.sleep(0.25)
    state.lease(ANSWER.id, "other", 30)  # the first has died
    with pytest.raises(Leased):
        state.lease(ANSWER.id, "me", 30)
    state.release(ANSWER.id, "me")  # gives back nothing that is not its own
    with pytest.raises(Leased):
        state.lease(ANSWER.id, "me", 30)
    state.release(ANSWER.id, "other")
    state.lease(ANSWER.id, "me", 30)
    with pytest.raises(NotFound):
        state.lease("f" * 32, "me", 30)


def test_the_migrations_make_the_tables_the_code_expects(state: State):
    with sa.create_engine(state.url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, metadata) == []
        journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    assert journal == "wal"
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [HEAD]


def test_down_and_up_again(state: State):
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = sa.create_engine(state.url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
    again = State(str(state.url))
    begin(again)
    again.close()


def test_a_store_of_a_later_release_is_not_touched(state: State):
    with sa.create_engine(state.url).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(FinrouteError, match="later release"):
        State(str(state.url))


def test_many_processes_may_open_a_new_store_at_once(url: str):
    code = "import sys; from router.state import State; State(sys.argv[1]).close()"
    opened = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(4)]
    assert [p.wait(60) for p in opened] == [0] * 4


@pytest.mark.parametrize("url", ["postgresql://x/y", "sqlite://", "sqlite:///:memory:"])
def test_what_is_no_file_of_sqlite_is_refused(url: str):
    with pytest.raises(ConfigError, match=r"state\.url"):
        State(url)


def test_a_file_that_is_no_store_is_refused(tmp_path: Path):
    file = tmp_path / "notes.sqlite"
    file.write_text("not a database, and rather longer than a header would be, so that it is read")
    with pytest.raises(ConfigError, match="cannot use"):
        State(f"sqlite:///{file}")
    assert file.read_text().startswith("not a database")
