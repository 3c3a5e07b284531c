"""Which SQL may run, and what a refusal says."""

from __future__ import annotations

import time

import pytest
from sqlglot import exp

from specialists.foundation.errors import QueryRefused
from specialists.workspace.admission import Admission
from specialists.workspace.snapshot import Snapshot


@pytest.fixture(scope="module")
def admission(synthetic: Snapshot) -> Admission:
    return Admission(synthetic.catalogue)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT revenue FROM income_statement WHERE company = 'X' AND fiscal_year = 2020",
        "select REVENUE from Income_Statement where \"Company\" = 'x''y' ;",
        "SELECT count(*), count(DISTINCT sector), sum(revenue) FROM income_statement",
        "SELECT sector, avg(revenue) AS a FROM income_statement GROUP BY 1 HAVING avg(revenue) > 1",
        "SELECT sector, max(revenue) FROM income_statement GROUP BY ALL ORDER BY 2 DESC LIMIT 3",
        "SELECT i.revenue / b.total_assets FROM income_statement i JOIN balance_sheet b "
        "USING (company, fiscal_year) WHERE fiscal_year = 2020",
        "SELECT a.revenue FROM income_statement a, balance_sheet b "
        "WHERE a.company = b.company AND a.fiscal_year = b.fiscal_year",
        "WITH t AS (SELECT company AS c, revenue AS r FROM income_statement WHERE fiscal_year = "
        "2020) SELECT c FROM t WHERE r = (SELECT max(r) FROM t)",
        "SELECT (SELECT max(revenue) FROM income_statement) - (SELECT min(revenue) "
        "FROM income_statement) AS spread",
        "SELECT company FROM companies WHERE sector LIKE '%tech%' UNION ALL "
        "SELECT company FROM companies WHERE founded < 1950",
        "SELECT CASE WHEN revenue > 5 THEN 'big' ELSE 'small' END FROM income_statement LIMIT 3",
        "SELECT lag(revenue) OVER (PARTITION BY company ORDER BY fiscal_year) FROM "
        "income_statement WHERE fiscal_year > 2019",
        "SELECT CAST(revenue AS DECIMAL(10, 2)), fiscal_year::VARCHAR FROM income_statement "
        "LIMIT 1",
        "SELECT round(avg(revenue), 2), median(revenue), arg_max(company, revenue) "
        "FROM income_statement WHERE fiscal_year BETWEEN 2019 AND 2021",
        "SELECT company FROM companies WHERE company IN (SELECT company FROM segments)",
        "SELECT DISTINCT sector FROM companies",
        "SELECT s.n FROM (SELECT count(*) AS n FROM companies) AS s",
        "SELECT (SELECT max(revenue) FROM income_statement), (SELECT 1) AS one ORDER BY 1, 2",
        "SELECT 1 + 1",
    ],
)
def test_admits(admission: Admission, sql: str) -> None:
    admitted = admission.admit(sql)
    tables = {t.name for t in admitted.query.find_all(exp.Table)}
    known = {"income_statement", "balance_sheet", "companies", "segments", "t"}
    assert tables <= known
    assert len(admitted.columns) == len(admitted.query.selects)
    assert ";" not in admitted.sql()


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "empty"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("SELECT 1;; DROP TABLE companies", "2 statements"),
        ("DROP TABLE companies", "only SELECT"),
        ("INSERT INTO companies VALUES (1)", "only SELECT"),
        ("COPY companies TO 'x.csv'", "only SELECT"),
        ("ATTACH 'x.db'", "only SELECT"),
        ("PRAGMA version", "only SELECT"),
        ("SET memory_limit = '10GB'", "only SELECT"),
        ("EXPLAIN SELECT 1", "only SELECT"),
        ("DESCRIBE companies", "only SELECT"),
        ("SUMMARIZE companies", "only SELECT"),
        ("INSTALL httpfs", "only SELECT"),
        ("CALL pragma_version()", "only SELECT"),
        ("SELECT * FROM companies", "name the columns"),
        ("SELECT companies.* FROM companies LIMIT 1", "name the columns"),
        ("FROM companies", "name the columns"),
        ("SELECT company FROM companies", "whole table"),
        ("SELECT revenu FROM income_statement LIMIT 1", "has the columns company, ticker"),
        ("SELECT revenue FROM income LIMIT 1", "the tables are companies, income_statement"),
        ("SELECT company FROM income_statement i JOIN segments s ON i.fiscal_year = "
         "s.fiscal_year LIMIT 1", "write it as table.column"),
        ("SELECT i.nothing FROM income_statement i LIMIT 1", "unknown column"),
        ("SELECT _row FROM companies LIMIT 1", "underscore"),
        ("SELECT company AS _x FROM companies LIMIT 1", "underscore"),
        ("SELECT rowid FROM companies LIMIT 1", "unknown column"),
        ("SELECT a FROM 'secret.csv' LIMIT 1", "unknown table"),
        ("SELECT column0 FROM read_csv('/etc/passwd') LIMIT 1", "not a"),
        ("SELECT content FROM read_text('/etc/passwd') LIMIT 1", "not a"),
        ("SELECT name FROM duckdb_settings() LIMIT 1", "not"),
        ("SELECT table_name FROM information_schema.tables LIMIT 1", "not allowed"),
        ("SELECT sql FROM sqlite_master LIMIT 1", "unknown table"),
        ("SELECT company FROM main.companies LIMIT 1", "not allowed"),
        ("SELECT i FROM range(10) t(i)", "not"),
        ("SELECT unnest([1, 2])", "not allowed"),
        ("SELECT getenv('HOME')", "getenv is not allowed"),
        ("SELECT current_setting('memory_limit')", "current_setting is not allowed"),
        ("SELECT version()", "not allowed"),
        ("SELECT repeat('x', 1000000000)", "repeat is not allowed"),
        ("SELECT lpad('x', 1000000000, 'y')", "not allowed"),
        ("SELECT string_agg(company, ',') FROM companies", "not allowed"),
        ("SELECT list(company) FROM companies", "not allowed"),
        ("SELECT max(revenue, 1000) FROM income_statement", "not allowed"),
        ("SELECT levenshtein(company, 'x') FROM companies LIMIT 1", "not allowed"),
        ("SELECT company ~ '(a+)+$' FROM companies LIMIT 1", "not allowed"),
        ("SELECT company FROM companies WHERE company LIKE company", "text literal"),
        ("SELECT company FROM companies WHERE company LIKE '%a%a%a%a%a%a%'", "wildcards"),
        ("WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT n FROM t "
         "LIMIT 5", "RECURSIVE"),
        ("SELECT company FROM companies USING SAMPLE 3", "SAMPLE"),
        ("SELECT company FROM companies LIMIT (SELECT 5)", "whole number"),
        ("SELECT company FROM companies ASOF JOIN segments USING (company) LIMIT 1", "METHOD"),
        ("SELECT company FROM companies POSITIONAL JOIN segments LIMIT 1", "METHOD"),
        ("PIVOT companies ON sector USING count(*)", "only SELECT|not allowed"),
        ("SELECT revenue FROM income_statement QUALIFY row_number() OVER () = 1", "not allowed"),
        ("SELECT company::JSON FROM companies LIMIT 1", "cannot cast"),
        ("SELECT company::INTEGER[] FROM companies LIMIT 1", "cannot cast"),
        ("SELECT $1", "not allowed"),
        ("SELECT ?", "not allowed"),
        ("SELECT row_number() FROM companies LIMIT 1", "OVER"),
        ("SELECT 'a\x00b'", "control"),
        ("SELECT '" + "x" * 201 + "'", "text literal"),
        ("SELECT " + "9" * 41, "digits"),
        ("SELECT " + "1 + " * 1500 + "1", "characters"),
        ("SELECT " + "(" * 17 + "1" + ")" * 17, "nested"),
        ("SELECT " + "NOT " * 900 + "TRUE", "nested"),
        ("SELECT " + "-" + " -" * 900 + "1", "nested|too long"),
        ("SELECT " + "1+" * 450 + "1", "too long"),
        ("SELECT count(*) FROM " + ", ".join(f"companies c{i}" for i in range(9)), "9 tables"),
        (" UNION ALL ".join(["SELECT 1"] * 13), "13 SELECTs"),
        ("SELECT FROM WHERE", "cannot be read|names no column"),
        ("SELECT 'unclosed", "cannot be read"),
        ("tell me the revenue", "only SELECT|cannot be read"),
    ],
)  # fmt: skip
def test_refuses(admission: Admission, sql: str, message: str) -> None:
    start = time.perf_counter()
    with pytest.raises(QueryRefused, match=message):
        admission.admit(sql)
    assert time.perf_counter() - start < 1


def test_comments_and_case_do_not_matter(admission: Admission) -> None:
    text = admission.admit("SELECT /* ' ; */ revenue -- x\nFROM income_statement LIMIT 2").sql()
    assert text == (
        'SELECT "income_statement"."revenue" AS "revenue" '
        'FROM "income_statement" AS "income_statement" LIMIT 2'
    )


def test_column_names_are_the_writers(admission: Admission) -> None:
    admitted = admission.admit("SELECT Company, max(revenue), 1 AS One FROM income_statement "
                               "GROUP BY company")  # fmt: skip
    assert admitted.columns == ("Company", "max(revenue)", "One")


def test_many_tables_are_named_by_nearness(synthetic: Snapshot) -> None:
    table = synthetic.catalogue.tables[0]
    many = tuple(table.model_copy(update={"name": f"page_{i}"}) for i in range(200))
    admission = Admission(synthetic.catalogue.model_copy(update={"tables": many}))
    with pytest.raises(QueryRefused, match="of 200 tables the nearest are page_1") as refusal:
        admission.admit("SELECT company FROM page1 LIMIT 1")
    assert len(str(refusal.value)) < 500
