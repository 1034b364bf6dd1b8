"""Photos in tables."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from countenance.errors import SetupError
from countenance.importing.records import Wanted
from countenance.importing.tables import read_table, require_good


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "people.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_columns_are_found_by_name_in_whatever_case(table):
    found = read_table(table("userid,Notes,PATH,externalImageId\nann,x,a/1.jpg,a1\n,y,b.jpg,b1\n"))
    assert found.photos == [Wanted("a/1.jpg", "a1", "ann"), Wanted("b.jpg", "b1", None)]
    assert (found.ignored, found.bad) == (["Notes"], [])


def test_a_byte_order_mark_and_quoted_cells_are_read(table):
    found = read_table(table('\ufeffpath,ExternalImageId\n"a, b.jpg",x\n'))
    assert found.photos == [Wanted("a, b.jpg", "x")]


def test_without_ids_they_are_made_of_the_paths(table):
    found = read_table(table("path\nann/1.jpg\n"))
    assert found.photos == [Wanted("ann/1.jpg", "ann:1.jpg")]


def test_bad_rows_are_told_with_their_lines_and_nothing_is_guessed(table):
    path = table(
        "path,ExternalImageId,UserId\n"
        "1.jpg,one,ann\n"
        ",two,ann\n"
        "3.jpg,,ann\n"
        "4.jpg,fo ur,ann\n"
        "5.jpg,five,a/b\n"
        "6.jpg,six\n"
        "\n"
        "8.jpg,eight,bob\n"
    )
    found = read_table(path)
    assert [each.external_image_id for each in found.photos] == ["one", "eight"]
    lines = [each.partition(":")[0] for each in found.bad]
    assert lines == ["line 3", "line 4", "line 5", "line 6", "line 7"]
    with pytest.raises(
        SetupError, match=r"line 3: it has no path; line 4: it has no ExternalImageId"
    ) as told:
        require_good(found, path)
    assert "--skip-bad-rows" in told.value.remedy


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is empty"),
        ("file,id\n1.jpg,x\n", "has no column `path`"),
        ("path,Path\n1.jpg,x\n", "has the column `path` twice"),
        (b"path\n\xff\xfe\n", "cannot be read"),
        ('path\n"a\n', "cannot be read"),
        ("path\n" + "x" * 20_000 + "\n", "cannot be read"),
    ],
)
def test_what_is_no_table_is_told(table, text, told):
    with pytest.raises(SetupError, match=told):
        read_table(table(text))


def test_parquet_says_the_same_as_csv(tmp_path):
    path = tmp_path / "people.parquet"
    columns = {
        "Path": ["1.jpg", None, "3.jpg"],
        "ExternalImageId": ["a", "b", "c d"],
        "UserId": [None, "x", "y"],
    }
    pq.write_table(pa.table(columns), path)
    found = read_table(path)
    assert found.photos == [Wanted("1.jpg", "a", None)]
    assert [each.partition(":")[0] for each in found.bad] == ["line 2", "line 3"]


def test_a_parquet_file_that_is_none_is_told(tmp_path):
    path = tmp_path / "people.parquet"
    path.write_bytes(b"PAR1 nonsense")
    with pytest.raises(SetupError, match="cannot be read as a table"):
        read_table(path)
