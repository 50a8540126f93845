"""What a file is, told by its first lines; and records whose quoted fields hold line feeds."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.errors import BadInputError
from tidemark.sources import folding_lines, formats, mapping, records
from tidemark.sources.formats import TABLE, Format


def told(*lines):
    return formats.of_table(
        "the file", lines, lambda first: any(mapping.is_usual("interactions", name) for name in first)
    )


@pytest.mark.parametrize(
    ("lines", "separator", "columns", "header"),
    [
        (("user,item,rating", "1,2,3.5"), ",", ("user", "item", "rating"), True),
        (("user;item;rating", "1;2;3,5", "4;5;4,5"), ";", ("user", "item", "rating"), True),
        (("1::1193::5::978300760", "1::661::3::978302109"), "::", ("1", "2", "3", "4"), False),
        (("196\t242\t3\t881250949",), "\t", ("1", "2", "3", "4"), False),
        (
            ('1|Toy Story (1995)|01-Jan-1995||"x, y"', "2|GoldenEye (1995)|01-Jan-1995||z"),
            "|",
            ("1", "2", "3", "4", "5"),
            False,
        ),
        (("item,title", '1,"a, b, c"', '2,"d, e"'), ",", ("item", "title"), True),
        (
            ("wer,was,wann", "1,2,978300760", "3,4,978302109"),
            ",",
            ("wer", "was", "wann"),
            True,
        ),  # unknown names over numbers
        (("A2SUAM1J3GNN3B,0000013714,5.0,1386028800",), ",", ("1", "2", "3", "4"), False),
    ],
)
def test_separator_and_header(lines, separator, columns, header):
    found = told(*lines)
    assert (found.kind, found.separator, found.columns, found.header) == (TABLE, separator, columns, header)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("just words",), "no separator"),
        (("user,item,item", "1,2,3"), "names the column 'item' twice"),
        (("x",), "starts with 'x'"),
    ],
)
def test_what_is_no_table_says_so(lines, says):
    with pytest.raises(BadInputError, match=says):
        told(*lines)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("[1, 2]", "jq -c"),
        ("{\n", "no whole JSON object"),
        ('{"a": 1}', None),
        ("a,b", None),
        ('{"a":\n1}', "no whole"),
    ],
)
def test_json_that_is_not_an_object_a_line(head, says):
    found = formats.why_not_lines("the file", head)
    assert says in found if says else found is None


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=["Cs"]), max_size=8)


@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8),
    separator=st.sampled_from([",", ";", "\t", "|"]),
)
def test_what_a_writer_of_csv_writes_is_read_back(rows, separator):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
    format_ = Format(TABLE, separator, ("1", "2", "3"))
    lines = [line + b"\n" for line in text.getvalue().encode().split(b"\n")[:-1]]
    whole = [record for record, _ in folding_lines._of_bytes(lines, format_)]
    assert [formats.fields(record, separator) for record in whole] == rows
    assert folding_lines.needed(lines, format_) == any("\n" in cell for row in rows for cell in row)


def test_a_stray_quote_swallows_nothing():
    lines = [b"1,2,a\n", b'3,"4,b\n', b"5,6,c\n", b"7,8,d\n"]
    assert [r for r, _ in folding_lines._of_bytes(lines, Format(TABLE, ",", ("1", "2", "3")))] == [
        "1,2,a",
        '3,"4,b',
        "5,6,c",
        "7,8,d",
    ]
    lines = [b'1,"2,a\n', b'3,"4,b\n', b"5,6,c\n"]
    assert [r for r, _ in folding_lines._of_bytes(lines, Format(TABLE, ",", ("1", "2", "3")))] == [
        '1,"2,a',
        '3,"4,b',
        "5,6,c",
    ]


@pytest.mark.parametrize(
    ("format_", "line", "says"),
    [
        (Format(TABLE, ",", ("a", "b")), b"1,2,3", "3 fields, not 2"),
        (Format(TABLE, ",", ("a", "b")), b"1", "1 fields, not 2"),
        (Format(TABLE, ",", ("a", "b")), b'1,"2', "unexpected end of data"),
        (Format(TABLE, ",", ("a", "b")), b"1,\xff", "not UTF-8 at byte 2"),
        (Format(formats.JSON), b"[1]", "no object"),
        (Format(formats.JSON), b'{"a": NaN}', "NaN is not a number"),
        (Format(formats.JSON), b'{"a": 1', "not JSON"),
        (Format(formats.JSON), b"[" * 100_000, "not JSON"),
    ],
)
def test_a_line_that_is_no_record_says_why(format_, line, says):
    record, (difference,) = records.decoder(format_)(line)
    assert record is None
    assert says in difference.text


def test_quotes_doubled_or_behind_a_backslash():
    assert formats.fields('1,"he said ""no""",2', ",") == ["1", 'he said "no"', "2"]
    assert formats.fields('1,"he said \\"no\\", twice",2', ",") == ["1", 'he said "no", twice', "2"]
