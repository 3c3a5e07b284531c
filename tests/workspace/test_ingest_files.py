"""Files in: what becomes of CSV, Excel, Parquet, text, Markdown, and what is refused and how."""

from __future__ import annotations

from datetime import date, datetime

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.foundation.errors import IngestError
from specialists.workspace import ingest
from specialists.workspace.snapshot import KNOWN_AT, SOURCE
from specialists.workspace.versions import Workspace

DAY = date(2024, 3, 1)


@pytest.fixture
def put(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def read(path, **options):
    return ingest.read(path, known_at=DAY, **options)


def only(batch):
    assert len(batch.tables) == 1
    return batch.tables[0]


def column(new, name):
    return new.table.named(name)


def values(new, name):
    return new.rows[name].to_pylist()


# --- tables ---------------------------------------------------------------------------------------

PANEL = """Company,Ticker,Fiscal Year,Revenue ($ in millions),Gross margin %,Employees,City
Acme Corp,ACM,2021,"1,234.5",41.2%,"12,000",Oslo
Acme Corp,ACM,2022,(56.0),n/a,"12,500",Oslo
Bolt Ltd,BLT,2022,"$ 2,000",38%,900,Rome
"""


def test_a_panel_gets_roles_types_units_and_scales(put):
    new = only(read(put("results 2022.csv", PANEL)))
    entry = new.table
    assert entry.name == "results_2022"
    roles = {c.name: (c.role, c.type, c.unit, c.scale) for c in entry.columns}
    assert roles == {
        "company": ("company", "text", "", 1),
        "ticker": ("attribute", "text", "", 1),
        "fiscal_year": ("period", "number", "", 1),
        "revenue": ("measure", "number", "USD", 1e6),
        "gross_margin_percent": ("measure", "number", "%", 1),
        "employees": ("measure", "number", "count", 1),
        "city": ("attribute", "text", "", 1),
    }
    assert values(new, "revenue") == [1234.5, -56.0, 2000.0]
    assert values(new, "gross_margin_percent") == [41.2, None, 38.0]
    assert values(new, "fiscal_year") == [2021, 2022, 2022]
    assert entry.periods == (2021, 2022)
    assert new.key == ("company", "fiscal_year")
    assert set(values(new, KNOWN_AT)) == {DAY}
    assert set(values(new, SOURCE)) == {"results 2022.csv"}
    assert column(new, "revenue").title == "Revenue ($ in millions)"


MATRIX = """Consolidated statements (in thousands)

,2023,2022,2021
Net sales,"$ 5,000","4,000","3,000"
Costs:,,,
Wages,(700),(600),(500)
Diluted EPS,$ 1.20,1.10,1.00
Operating margin,12%,11%,10%
"""


def test_a_matrix_of_years_is_turned_into_a_panel(put):
    new = only(read(put("income.csv", MATRIX), company="Acme Corp"))
    entry = new.table
    assert entry.company == "Acme Corp"
    assert entry.periods == (2021, 2022, 2023)
    assert new.key == ("fiscal_year",)
    assert values(new, "fiscal_year") == [2021, 2022, 2023]
    assert values(new, "net_sales") == [3000, 4000, 5000]
    assert values(new, "wages") == [-500, -600, -700]
    units = {c.name: (c.unit, c.scale) for c in entry.columns if c.role == "measure"}
    assert units == {
        "net_sales": ("USD", 1e3),
        "wages": ("USD", 1e3),
        "diluted_eps": ("USD", 1),
        "operating_margin": ("%", 1),
    }
    assert [c.title for c in entry.columns][1] == "Net sales"


def test_equal_lines_of_two_sections_are_told_apart(put):
    text = "item,2022,2021\nAssets:,,\nOther,1,2\nLiabilities:,,\nOther,3,4\n"
    new = only(read(put("x.csv", text)))
    assert values(new, "assets_other") == [2, 1]
    assert values(new, "liabilities_other") == [4, 3]


def test_years_with_a_total_stay_a_table_of_labels(put):
    text = "commitment,2024,2025,total\nleases,1,2,3\nbonds,4,5,9\n"
    new = only(read(put("x.csv", text)))
    assert new.key == ("commitment",)
    assert column(new, "commitment").role == "label"
    assert values(new, "total") == [3, 9]


def test_a_column_of_change_beside_years_is_left_out_and_noted(put):
    batch = read(put("x.csv", "item,2022,2021,% change\nsales,11,10,10%\n"))
    assert [c.name for c in only(batch).table.columns] == ["fiscal_year", "sales"]
    assert "% change" in batch.notes[0]


def test_sums_and_percentages_under_one_header_get_a_column_each(put):
    text = "line,amount ($m)\nsales,$ 50\ncosts,(20)\nmargin,60%\n"
    new = only(read(put("x.csv", text)))
    assert values(new, "amount") == [50, -20, None]
    assert values(new, "amount_percent") == [None, None, 60]
    assert [(c.unit, c.scale) for c in new.table.columns[1:]] == [("USD", 1e6), ("%", 1)]


def test_further_labels_are_taken_until_rows_are_known_apart(put):
    text = "company,year,segment,sales\nAcme,2021,East,1\nAcme,2021,West,2\n"
    new = only(read(put("x.csv", text)))
    assert new.key == ("company", "fiscal_year", "segment")
    assert column(new, "segment").role == "label"


def test_rows_that_nothing_tells_apart_have_no_key(put):
    batch = read(put("x.csv", "company,year,sales\nAcme,2021,1\nAcme,2021,2\n"))
    assert only(batch).key == ()
    assert "no columns identify" in batch.notes[-1]


def test_a_filing_date_in_the_file_says_when_rows_became_known(put):
    text = "company,year,sales,filed\nAcme,2021,1,2022-02-03\nAcme,2021,2,2022-09-03\n"
    new = only(read(put("x.csv", text)))
    assert values(new, KNOWN_AT) == [date(2022, 2, 3), date(2022, 9, 3)]
    assert new.key == ("company", "fiscal_year")


def test_today_is_when_facts_became_known_unless_told(put):
    before = date.today()
    new = only(ingest.read(put("x.csv", "company,year,sales\nAcme,2021,1\n")))
    assert before <= values(new, KNOWN_AT)[0] <= date.today()


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_separators_are_found(put, separator):
    text = "company;year;sales\nAcme, Inc;2021;1.5\nBolt;2021;2\n".replace(";", separator)
    assert values(only(read(put("x.csv", text))), "company") == ["Acme, Inc", "Bolt"]


def test_a_stray_text_among_many_numbers_is_noted_and_left_empty(put):
    rows = "".join(f"c{i},{i}\n" for i in range(30))
    batch = read(put("x.csv", f"company,sales\n{rows}late,see note 4\n"))
    assert values(only(batch), "sales")[-1] is None
    assert "row 32: 'see note 4' in column 'sales'" in batch.notes[0]


def test_utf8_mark_and_windows_1252_lines_are_read(put):
    marked = put("a.csv", b"\xef\xbb\xbfcompany,sales\nAcme,1\n")
    assert values(only(read(marked)), "company") == ["Acme"]
    mixed = b"company,sales\nM\xfcller,1\n" + "Société,2\n".encode()
    batch = read(put("b.csv", mixed))
    assert values(only(batch), "company") == ["Müller", "Société"]
    assert "the first is line 2" in batch.notes[0]
    wide = read(put("c.csv", "company,sales\nMüller,1\n".encode("utf-16")))
    assert values(only(wide), "company") == ["Müller"]


def test_each_sheet_of_a_workbook_becomes_a_table(tmp_path):
    book = openpyxl.Workbook()
    first = book.active
    first.title = "Income"
    first.append(["Acme income statement (USD m)"])
    first.append([None, 2022, 2021])
    first.append(["Revenue", 10.5, 9])
    first.append(["Margin", "#DIV/0!", None])
    second = book.create_sheet("People")
    second.append(["company", "as of", "staff"])
    second.append(["Acme", datetime(2022, 12, 31), 40])
    book.create_sheet("Empty")
    book.save(tmp_path / "acme.xlsx")
    batch = read(tmp_path / "acme.xlsx", company="Acme")
    income, people = batch.tables
    assert [income.table.name, people.table.name] == ["acme_income", "acme_people"]
    assert values(income, "revenue") == [9, 10.5]
    assert (column(income, "revenue").unit, column(income, "revenue").scale) == ("USD", 1e6)
    assert income.table.source == "acme.xlsx#Income"
    assert values(people, "fiscal_year") == [2022]
    assert people.table.company is None
    assert any("1 cells hold an Excel error" in note for note in batch.notes)


def test_parquet_keeps_its_types(tmp_path):
    rows = pa.table(
        {
            "company": pa.array(["Acme", "Bolt"]).dictionary_encode(),
            "fiscal_year": [2021, 2021],
            "revenue_usd_m": pa.array(["1.50", "2.50"]).cast(pa.decimal128(9, 2)),
            "public": [True, None],
            "filing date": [date(2022, 1, 5), date(2022, 1, 6)],
        }
    )
    pq.write_table(rows, tmp_path / "x.parquet")
    new = only(read(tmp_path / "x.parquet"))
    assert values(new, "revenue_usd_m") == [1.5, 2.5]
    assert values(new, "public") == ["true", None]
    assert values(new, KNOWN_AT) == [date(2022, 1, 5), date(2022, 1, 6)]


# --- texts ----------------------------------------------------------------------------------------

MARKDOWN = """# Acme annual report 2022

## Outlook

We expect growth.
It will be modest.

| item | 2022 | 2021 |
|------|-----:|-----:|
| Sales (USD m) | 5 | 4 |

## Risks

Costs may rise.
"""


def test_markdown_gives_paragraphs_under_their_headings_and_tables(put):
    batch = read(put("acme 10-K.md", MARKDOWN), company="Acme")
    texts = [(d.title, d.text, d.year, d.kind) for d in batch.documents]
    title = "Acme annual report 2022"
    assert texts == [
        (f"{title} · Outlook", "We expect growth. It will be modest.", 2022, "filing"),
        (f"{title} · Risks", "Costs may rise.", 2022, "filing"),
    ]
    assert all(d.company == "Acme" and d.published == DAY for d in batch.documents)
    assert values(only(batch), "sales") == [4, 5]
    assert only(batch).table.company == "Acme"


def test_text_is_cut_into_paragraphs_and_long_ones_at_sentences(put):
    long = "A sentence of eight words stands here again. " * 200
    batch = read(put("memo.txt", f"First one.\n\n\n{long}\n"))
    assert batch.documents[0].text == "First one."
    assert len(batch.documents) > 2
    assert all(len(d.text) <= 4000 and d.text.endswith(".") for d in batch.documents)
    assert " ".join(d.text for d in batch.documents[1:]) == long.strip()
    assert len({d.id for d in batch.documents}) == len(batch.documents)


def test_a_file_of_headlines_gives_one_a_line(put):
    batch = read(put("news_2023.txt", "Acme soars\nBolt sinks\n"))
    assert [(d.text, d.kind, d.year) for d in batch.documents] == [
        ("Acme soars", "headline", 2023),
        ("Bolt sinks", "headline", 2023),
    ]


@given(st.text(max_size=400))
@settings(max_examples=60, deadline=None)
def test_no_text_breaks_markdown(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("md") / "x.md"
    path.write_text(text or " ", encoding="utf-8", errors="ignore")
    try:
        batch = read(path)
    except IngestError:
        return  # refused in words, which is right for a text without words
    assert batch.documents or batch.tables


# --- what is refused ------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
ZIP = b"PK\x03\x04" + bytes(100)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", PNG, "is a PNG image, against its ending .csv"),
        ("a.txt", b"%PDF-1.7 ...", "is a PDF document"),
        ("a.csv", ZIP, "rename it to end in .xlsx"),
        ("a.csv", b"PAR1....PAR1", "rename it to end in .parquet"),
        ("a.xlsx", b"company,sales\nAcme,1\n", ".csv, .txt or .md may be right"),
        ("a.parquet", b"company,sales\nAcme,1\n", "not a Parquet file"),
        ("a.parquet", b"PAR1" + bytes(50), "damaged Parquet file"),
        ("a.xlsx", ZIP, "no Excel workbook"),
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"\n\n  \n", "a header and at least one row"),
        ("a.csv", b"company,sales\n", "a header and at least one row"),
        ("a.md", b"  \n\n", "no text in it"),
        ("a.csv", b"a,b\x00c\n1,2\n", "not text: a zero byte at position 3"),
        ("a.pdf", b"%PDF", "files ending in .pdf are not read"),
        ("a", b"x", "files ending in nothing are not read"),
        ("a.csv", b"company,sales,Sales\nAcme,1,2\n", "columns 2 and 3 .* both named 'Sales'"),
        ("a.csv", b"company,,sales\nAcme,1,2\n", "column 2 of table a has no name"),
        ("a.csv", b"company,sales\nAcme,1\nBolt\n", "line 3: 1 cells where the header has 2"),
        ("a.csv", b"company,sales\nAcme,1,2\n", "line 2: 3 cells where the header has 2"),
        ("a.csv", b'company,sales\n"Acme,1\nBolt,2\n', "line 3: unexpected end of data"),
        ("a.csv", b"company,sales\nA\x81,1\n", "line 2: byte 0x81 at position 2"),
        ("a.csv", b"company,text\nAcme," + b"x" * 150_000 + b"\n", "row 2, column 2: .*150,000"),
        ("a.csv", b"company,text\nAcme," + b"x" * 500_000 + b"\n", "line 2: a cell of more than"),
        ("a.md", b"|a|b|\n|--|--|\n|1|2|3|\n", "line 3: 3 cells where the table's header has 2"),
    ],
)
def test_bad_files_are_refused_with_the_place_and_the_remedy(put, name, content, words):
    with pytest.raises(IngestError, match=words) as caught:
        read(put(name, content))
    assert name in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(IngestError, match="there is no such file"):
        read(tmp_path / "none.csv")


def test_nested_columns_are_refused(tmp_path):
    pq.write_table(pa.table({"company": ["a"], "list": [[1, 2]]}), tmp_path / "x.parquet")
    with pytest.raises(IngestError, match="column 'list' is of type list"):
        read(tmp_path / "x.parquet")


def test_two_tables_of_one_name_are_refused(put):
    table = "| item | n |\n|--|--|\n| a | 1 |\n"
    with pytest.raises(IngestError, match="two of its tables would be named"):
        read(put("x.md", f"{table}\n\ntext\n\n{table}"))


def test_a_refused_file_leaves_the_workspace_as_it_was(put, tmp_path):
    space = Workspace.create("w", tmp_path / "root", read(put("a.csv", PANEL)))
    with pytest.raises(IngestError):
        space.add(read(put("b.csv", PNG)))
    assert space.version == "000001"
    assert space.verify()


def test_a_restating_file_added_later_restates(put, tmp_path):
    space = Workspace.create("w", tmp_path / "root", read(put("a.csv", PANEL)))
    later = PANEL.replace("1,234.5", "1,200.0")
    space.add(ingest.read(put("a.csv", later), known_at=date(2024, 9, 1)))
    now = space.snapshot().tables["a"].to_pylist()
    then = space.snapshot(DAY).tables["a"].to_pylist()
    assert sorted(r["revenue"] for r in now) == [-56.0, 1200.0, 2000.0]
    assert sorted(r["revenue"] for r in then) == [-56.0, 1234.5, 2000.0]


@given(
    st.lists(
        st.tuples(st.integers(1990, 2040), st.floats(-1e9, 1e9).map(lambda f: round(f, 2))),
        min_size=1,
        max_size=12,
        unique_by=lambda row: row[0],
    )
)
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    lines = [f'{year},"{value:,.2f}"' for year, value in rows]
    path.write_text("fiscal year,sales\n" + "\n".join(lines) + "\n")
    new = only(read(path))
    assert dict(zip(values(new, "fiscal_year"), values(new, "sales"), strict=True)) == dict(rows)
