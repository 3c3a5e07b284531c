"""The short dialogue: what may come when, what is observed, what an answer is."""

from __future__ import annotations

import random
import re

import pytest

from specialists.foundation.contracts import Message, Quantity, ToolCall
from specialists.foundation.errors import AnswerError
from specialists.table_qa import arithmetic, query
from specialists.table_qa.dialogue import CompactEpisode
from specialists.table_qa.inputs import link
from specialists.table_qa.policy import SLOW
from specialists.table_qa.rows import Rows
from specialists.table_qa.task import TableTask
from specialists.workspace.catalogue import Catalogue, Column, Company, Table
from specialists.workspace.links import Linker
from specialists.workspace.synthetic import make_snapshot
from specialists.workspace.tools import ToolResult

TASK = TableTask()
ROWS = Rows.of(make_snapshot(3, split="train", companies=4, years=(2020, 2021, 2022)))
COMPANY = ROWS.catalogue.companies[0].name
HANDLE = re.compile(r"<[tcerpnvdo]\d+>")


def begin(question: str, rows: Rows = ROWS) -> CompactEpisode:
    inputs = link(question, Linker(rows.catalogue), rows.catalogue)
    return TASK.compact(inputs)


def use(episode: CompactEpisode, name: str, rows: Rows = ROWS, **arguments: str) -> str:
    call = ToolCall(id="1", name=name, arguments=arguments)
    real = episode.expand(call).arguments
    if name == "list_tables":
        result = rows.list_tables(real.get("company"))
    elif name == "describe_table":
        result = rows.describe_table(real["table"])
    elif name == "calculator":
        result = rows.calculator(real["expression"])
    else:
        result = rows.sql(episode.lookup(call))
    return episode.observe(call, result).content


def offered(episode: CompactEpisode) -> set[str]:
    return {spec.name for spec in episode.tools()}


def table_of(listing: str, *wanted: str) -> str:
    part = next(p for p in listing.split(" ; ") if set(wanted) <= set(p.split()))
    return part.split()[-1]


def test_each_turn_offers_what_can_make_sense_by_then() -> None:
    episode = begin(f"How fast did {COMPANY}'s revenue grow from 2020 to 2022?")
    assert offered(episode) == {"list_tables"}
    assert episode.schema() is None
    listing = use(episode, "list_tables", company="<e1>")
    assert offered(episode) == {"describe_table"}
    assert episode.schema() is not None
    table = table_of(listing, "<c1>")
    assert use(episode, "describe_table", table=table).split()[:4] == [
        "company",
        "<e1>",
        "fiscal_year",
        "<p1>",
    ]
    assert offered(episode) == {"describe_table", "sql"}
    found = use(episode, "sql", query=f"SELECT <c1> FROM {table} WHERE <e1> AND ENDS(<p1>)")
    assert found == "<n1> ; <n2>"
    assert offered(episode) == {"describe_table", "sql", "calculator"}
    assert use(episode, "calculator", expression="( <n2> - <n1> ) / <n1> * 100") == "<n3>"
    schema = episode.schema()
    assert isinstance(schema, dict)
    assert schema["properties"]["value"]["enum"] == ["<n1>", "<n2>", "<n3>", None]
    answer = episode.answer('{"value": "<n3>"}')
    rows = [r for r in ROWS.tables["income_statement"] if r["company"] == COMPANY]
    first, last = rows[0]["revenue"], rows[-1]["revenue"]
    assert isinstance(answer.value, Quantity)
    assert answer.value.unit == "%"
    assert answer.value.value == pytest.approx((last - first) / first * 100)
    assert {c.row["fiscal_year"] for c in answer.cells} == {2020, 2022}


def test_no_name_and_no_digit_reaches_the_model() -> None:
    names = {c.name.lower() for c in ROWS.catalogue.companies}
    for example in TASK.examples("train", 120, 2):
        for message in example.dialogue[1:]:
            said = _said(message)
            assert not re.search(
                r"\d", HANDLE.sub("", said).replace("* 100", "").replace("LIMIT 1", "")
            ) or (message.role == "tool" and re.search(r"\+ \d+$|\d more$", said)), said
            assert not any(name in said.lower() for name in names if len(name) > 6)


def _said(message: Message) -> str:
    calls = " ".join(str(v) for c in message.tool_calls for v in c.arguments.values())
    return f"{message.content} {calls}".strip()


def test_a_missing_year_is_none_and_an_unfinished_range_says_so() -> None:
    tables = {n: [dict(r) for r in rows] for n, rows in ROWS.tables.items()}
    tables["income_statement"] = [
        r
        for r in tables["income_statement"]
        if not (r["company"] == COMPANY and r["fiscal_year"] == 2021)
    ]
    thin = Rows(ROWS.catalogue, tables)
    episode = begin(f"Revenue of {COMPANY} in 2021 versus 2020, average from 2020 to 2022?", thin)
    table = table_of(use(episode, "list_tables", thin, company="<e1>"), "<c1>")
    use(episode, "describe_table", thin, table=table)
    either = f"SELECT <c1> FROM {table} WHERE <e1> AND ( <p1> OR <p2> )"
    assert use(episode, "sql", thin, query=either) == "<n1> ; none"
    alone = f"SELECT <c1> FROM {table} WHERE <e1> AND <p1>"
    assert use(episode, "sql", thin, query=alone) == "no rows"
    mean = f"SELECT AVG(<c1>) FROM {table} WHERE <e1> AND <p3>"
    assert use(episode, "sql", thin, query=mean) == "some years missing"
    assert episode.answer('{"value": null}').value is None


def test_errors_are_told_in_the_models_own_terms() -> None:
    episode = begin(f"What was the revenue of {COMPANY} in 2021?")
    listing = use(episode, "list_tables", company="<e1>")
    table = table_of(listing, "balance", "sheets")
    use(episode, "describe_table", table=table)
    for text, told in (
        (f"SELECT <c1> FROM {table} WHERE <e1>", f"error: {table} has no <c1>"),
        (f"SELECT <c9> FROM {table} WHERE <e1>", "error: <c9> stands for nothing in this dialogue"),
        ("DROP TABLE <t1>", "error: cannot read this query"),
        (f"SELECT <c1> FROM {table}; DELETE", "error: cannot read this query"),
        (f"SELECT <e1> FROM {table} WHERE <p1>", f"error: {table} has no <e1>"),
        (f"SELECT <c1> FROM {table} ORDER BY <e1> DESC LIMIT 1", f"error: {table} has no <c1>"),
        (f"SELECT company FROM {table} WHERE x", "error: x stands for nothing in this dialogue"),
        (f"SELECT company FROM {table} WHERE <c1>", "error: <c1> is no condition"),
    ):
        call = ToolCall(id="1", name="sql", arguments={"query": text})
        assert episode.expand(call) == call
        assert episode.observe(call, ToolResult("sql", {})).content == told
    for odd in (["<e1>"], {"of": "<e1>"}, 1):
        call = ToolCall(id="1", name="list_tables", arguments={"company": odd})
        assert episode.expand(call) == call
        assert episode.observe(call, ToolResult("", {})).content == "error: company is missing"
    good = table_of(listing, "<c1>")
    use(episode, "describe_table", table=good)
    call = ToolCall(
        id="1", name="sql", arguments={"query": f"SELECT <c1> FROM {good} WHERE <e1> AND <p1>"}
    )
    slow = episode.observe(call, ToolResult("sql", {}, error=SLOW)).content
    assert slow == f"error: {SLOW}"


@pytest.mark.parametrize(
    "reply", ["", "5", '{"value": 5}', '{"value": "<n1>"}', '{"value": "Acme"}']
)
def test_an_answer_no_tool_gave_is_none(reply: str) -> None:
    with pytest.raises(AnswerError):
        begin(f"What was the revenue of {COMPANY} in 2021?").answer(reply)


def _hostile() -> Catalogue:
    name = "O'Neil\"; DROP TABLE x; --"
    columns = (
        Column(name="company", role="company", type="text", values=(name,)),
        Column(name='fiscal "year', role="period", type="number"),
        Column(name='rev"enue', title="Revenue", role="measure", type="number", unit="USD"),
    )
    table = Table(name='inc"ome', title="Income", columns=columns, periods=(2021,), rows=1)
    return ROWS.catalogue.model_copy(
        update={"companies": (Company(name=name),), "tables": (table,)}
    )


def test_names_are_quoted_whatever_they_hold() -> None:
    catalogue = _hostile()
    episode = begin("Revenue in 2021?", Rows(catalogue, {'inc"ome': []}))
    handles = episode.handles
    company = handles.bind("e", catalogue.companies[0].name, "x")
    table = handles.bind("t", 'inc"ome', "Income")
    lookup = query.read(f"SELECT <c1> FROM {table} WHERE {company} AND <p1>", handles, catalogue)
    assert query.sql(lookup) == (
        'SELECT "rev""enue" FROM "inc""ome" WHERE "company" = \'O\'\'Neil"; DROP TABLE x; --\' '
        'AND "fiscal ""year" = 2021 ORDER BY "fiscal ""year" LIMIT 50'
    )


def _usd(value: float, scale: float = 1e6) -> Quantity:
    return Quantity(value=value, unit="USD", scale=scale)


def test_expressions_carry_units_and_reconcile_scales() -> None:
    numbers = {"<n1>": _usd(1.5, 1e9), "<n2>": _usd(500), "<n3>": Quantity(value=10, unit="count")}
    ratio = arithmetic.write("<n1> / <n2>", numbers)
    assert (ratio.text, ratio.unit, ratio.scale) == ("1500000000 / 500000000", "x", 1.0)
    growth = arithmetic.write("( <n2> - <n1> ) / <n1> * 100", numbers)
    assert (growth.unit, growth.scale) == ("%", 1.0)
    same = arithmetic.write("<n2> - <n2>", numbers)
    assert (same.text, same.unit, same.scale) == ("500 - 500", "USD", 1e6)
    each = arithmetic.write("<n2> / <n3>", numbers)
    assert (each.text, each.unit, each.scale) == ("500000000 / 10", "USD", 1.0)


@pytest.mark.parametrize(
    "expression", ["", "5 + 5", "<n1> +", "<n9> + <n1>", "<n1> + <n3>", "__import__", "<n1> ; <n2>"]
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    numbers = {"<n1>": _usd(1), "<n2>": _usd(2), "<n3>": Quantity(value=10, unit="count")}
    with pytest.raises(AnswerError):
        arithmetic.write(expression, numbers)


def test_handles_are_numbered_anew_in_each_dialogue() -> None:
    inputs = link(f"Revenue of {COMPANY} in 2021?", Linker(ROWS.catalogue), ROWS.catalogue)
    seeds = [random.Random(i).randrange(1 << 30) for i in range(12)]
    texts = {TASK.compact(inputs, seed=s).messages[1].content for s in seeds}
    assert len(texts) > 6
    assert TASK.compact(inputs).messages[1].content == "<c1> of <e1> in <p1> ?"
    assert inputs.linked.text == "<c1> of <e1> in <p1> ?"
