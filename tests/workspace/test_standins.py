"""Stand-ins: natural, numbered by kind, years in order of time."""

from specialists.foundation.contracts import Quantity
from specialists.workspace.catalogue import Period
from specialists.workspace.handles import Handles
from specialists.workspace.links import RowKey
from specialists.workspace.standins import COMPANIES, masked


def test_each_thing_has_one_stand_in_and_years_keep_their_order():
    handles = Handles()
    for year in (2021, 2019):
        handles.bind("p", Period(first=year, last=year), str(year))
    handles.bind("e", "Acme", "Acme")
    text = masked("<e1> in <p1> against <e1> in <p2>", handles).text
    assert text == "Alpha Corp in 2019 against Alpha Corp in 2018"


def test_rows_spans_and_numbers_stand_as_what_they_are():
    handles = Handles()
    handles.bind("r", RowKey("segment", "Oncology", ()), "Oncology")
    handles.bind("r", RowKey("sector", "Banks", ()), "Banks")
    handles.bind("p", Period(first=2015, last=2020), "2015 to 2020")
    for number, unit in ((5, ""), (12, "%"), (3, "USD")):
        handles.bind("n", Quantity(value=number, unit=unit), f"{number}{unit}")
    question = masked("<n1> in <r1> and <r2> over <p1> above <n2> or <n3>", handles)
    assert question.text == (
        "3 in Cloud segment and Retail sector over from 2018 to 2019 above 10 % or $ 500 million"
    )
    assert question.signature == "n r r s n n"


def test_more_of_a_kind_than_there_are_names():
    handles = Handles()
    text = " ".join(handles.bind("e", f"F{i}", f"F{i}") for i in range(len(COMPANIES)))
    assert len({slot.standin for slot in masked(text, handles).slots}) == len(COMPANIES)
    measures = " ".join(handles.bind("c", None, f"m{i}") for i in range(14))
    assert len({slot.standin for slot in masked(measures, handles).slots}) == 14


def test_a_strange_handle_stays():
    assert masked("<c9> of what", Handles()).text == "<c9> of what"
