"""Tables of photographs, well-meant and hostile ones."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from countenance.errors import SetupError
from countenance.measuring.tables import load_table
from countenance.types import PixelBox

WHOLE = """subject,path,box,attack,session,sex
ann,ann/1.jpg,"10, 20, 30.5, 40",,monday,female
ann,ann/2.jpg,,bona fide,tuesday,female
bob,bob/1.jpg,1 2 3 4,NONE,monday,male
bob,bob/print.jpg,,print,monday,male
"""


@pytest.fixture
def load(tmp_path):
    def from_text(text, name="people.csv", **given):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_table(file, **given)

    return from_text


def test_a_whole_csv(load):
    data = load(WHOLE, cohort_columns=["sex"], labels_by="the people themselves")
    assert (data.kind, data.name, data.labels_by) == ("table", "people", "the people themselves")
    assert data.files == ("ann/1.jpg", "ann/2.jpg", "bob/1.jpg")
    assert data.photos[0].box == PixelBox(10.0, 20.0, 30.5, 40.0)
    assert data.photos[1].box is None
    assert data.has_boxes
    assert data.labels_of("sex") == ("female", "female", "male")
    assert [photo.session for photo in data.photos] == ["monday", "tuesday", "monday"]
    assert [(photo.species, photo.path) for photo in data.attacks] == [("print", "bob/print.jpg")]


def test_attacks_are_in_no_comparison(load):
    """A picture of a picture of Bob says nothing about false non-matches of Bob."""
    assert "bob/print.jpg" not in load(WHOLE).files


def test_cohorts_are_taken_only_when_asked_for(load):
    """A column that happens to be there is nobody's consent to rates by it."""
    data = load(WHOLE)
    assert data.cohort_columns == ()
    assert {photo.labels for photo in data.photos} == {()}


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_and_a_byte_order_mark(load, delimiter):
    """As spreadsheets of other countries write them."""
    text = f"subject{delimiter}path\r\nann{delimiter}ann/1.jpg\r\n\r\n"
    assert load(b"\xef\xbb\xbf" + text.encode()).files == ("ann/1.jpg",)


def test_parquet_says_the_same(load, tmp_path):
    columns = {
        "subject": ["ann", "ann", "bob", "bob"],
        "path": ["ann/1.jpg", "ann/2.jpg", "bob/1.jpg", "bob/print.jpg"],
        "box": [[10.0, 20.0, 30.5, 40.0], None, [1.0, 2.0, 3.0, 4.0], None],
        "attack": [None, "bona fide", "NONE", "print"],
        "session": ["monday", "tuesday", "monday", "monday"],
        "sex": ["female", "female", "male", "male"],
    }
    parquet.write_table(pa.table(columns), tmp_path / "people.parquet")
    data = load_table(tmp_path / "people.parquet", cohort_columns=["sex"], labels_by="x")
    other = load(WHOLE, cohort_columns=["sex"], labels_by="x")
    assert (data.photos, data.attacks) == (other.photos, other.attacks)


def test_what_pandas_has_for_nothing_is_nothing(tmp_path):
    parquet.write_table(
        pa.table({"subject": ["1", "2"], "path": ["a.jpg", "b.jpg"], "age": [31.0, float("nan")]}),
        tmp_path / "t.parquet",
    )
    assert load_table(tmp_path / "t.parquet", cohort_columns=["age"]).labels_of("age") == ("31.0", "")


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("", "no column `subject`", "it has none"),
        ("name,path\na,b\n", "no column `subject`", "`name`"),
        ("subject,file\na,b\n", "no column `path`", "`file`"),
        ("subject,path\n", "no rows", ""),
        ("subject,path,path\na,b,c\n", "a column is there twice: `path`", ""),
        ("subject,path\na,a.jpg\n,b.jpg\n", "row 3, column `subject`", "nothing"),
        ("subject,path\na,  \n", "row 2, column `path`", "nothing"),
        ("subject,path\na,a.jpg\nb,a.jpg\n", "row 3, column `path`", "the photo of row 2 once more"),
        ("subject,path\na,a.jpg\nb,./a.jpg\n", "row 3, column `path`", "the photo of row 2 once more"),
        ("subject,path\na,a.jpg,x\n", "row 2:", "3 values"),
        ("subject,path\na\n", "row 2:", "1 values"),
        ('subject,path\na,"a.jpg\n', "row 2 or after", "end of data"),
        ("subject,path\na,../a.jpg\n", "row 2, column `path`", "leads out"),
        ("subject,path\na,b/../../a.jpg\n", "row 2, column `path`", "leads out"),
        ("subject,path\na,/etc/passwd\n", "row 2, column `path`", "leads out"),
        ("subject,path\na,a\x00.jpg\n", "row 2, column `path`", "control characters"),
        ('subject,path\n"a\nb",a.jpg\n', "row 2, column `subject`", "control characters"),
        ("subject,path\n\x1b[2J,a.jpg\n", "row 2, column `subject`", "control characters"),
        (f"subject,path\n{'a' * 5000},a.jpg\n", "row 2, column `subject`", "over 4096"),
        (f"subject,path\n{'a' * 200_000},a.jpg\n", "row 2 or after", "field larger"),
        ('subject,path,box\na,a.jpg,"1,2,3"\n', "row 2, column `box`", "no box"),
        ('subject,path,box\na,a.jpg,"1,2,0,4"\n', "row 2, column `box`", "no box"),
        ('subject,path,box\na,a.jpg,"1,2,-3,4"\n', "row 2, column `box`", "no box"),
        ('subject,path,box\na,a.jpg,"nan,2,3,4"\n', "row 2, column `box`", "no box"),
        ('subject,path,box\na,a.jpg,"1,2,inf,4"\n', "row 2, column `box`", "no box"),
        ('subject,path,box\na,a.jpg,"1e99,2,3,4"\n', "row 2, column `box`", "no box"),
        ("subject,path,box\na,a.jpg,head\n", "row 2, column `box`", "no box"),
    ],
)
def test_what_is_wrong_is_said_with_row_and_column(load, text, where, problem):
    with pytest.raises(SetupError) as refusal:
        load(text)
    assert where in refusal.value.problem
    assert problem in refusal.value.problem
    assert refusal.value.remedy


def test_a_refusal_does_not_repeat_what_a_stranger_wrote(load):
    """A cell may hold a person's name, or what steers a terminal."""
    with pytest.raises(SetupError) as refusal:
        load("subject,path\nMata Hari,../mata.jpg\n")
    assert "ata" not in str(refusal.value).replace("data", "")


def test_a_link_out_of_the_folder_is_refused(load, tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name}-outside.jpg"
    outside.write_bytes(b"")
    (tmp_path / "a.jpg").symlink_to(outside)
    with pytest.raises(SetupError, match="row 2, column `path`: it leads out"):
        load("subject,path\na,a.jpg\n")


def test_a_cohort_column_that_is_not_there_is_refused(load):
    with pytest.raises(SetupError, match="no column `sex`") as refusal:
        load("subject,path\na,a.jpg\n", cohort_columns=["sex"])
    assert "--cohort" in refusal.value.remedy


def test_a_group_photo_stands_once_for_each_person_with_their_box(load):
    data = load('subject,path,box\na,1.jpg,"1,1,9,9"\nb,1.jpg,"50,1,9,9"\n')
    assert [(photo.subject, photo.path, photo.box.left) for photo in data.photos] == [
        ("a", "1.jpg", 1.0),
        ("b", "1.jpg", 50.0),
    ]
    for rows in ('a,1.jpg,"1,1,9,9"\nb,1.jpg,', 'a,1.jpg,"1,1,9,9"\na,1.jpg,"50,1,9,9"'):
        with pytest.raises(SetupError, match=r"row 3, column `path`: the photo of row 2 once more"):
            load(f"subject,path,box\n{rows}\n")


def test_files_that_are_none_are_refused(load, tmp_path):
    with pytest.raises(SetupError, match="no UTF-8 at byte 13"):
        load(b"subject,path\n\xff,\xfe\n")
    with pytest.raises(SetupError, match="no Parquet file"):
        load(b"PAR1 but not quite PAR1", name="broken.parquet")
    with pytest.raises(SetupError, match="is not there"):
        load_table(tmp_path / "none.parquet")
    with pytest.raises(SetupError, match="cannot be read"):
        load_table(tmp_path / "none.csv")


def test_a_parquet_file_that_breaks_off_is_refused(tmp_path):
    rows = 20_000
    table = pa.table(
        {"subject": [str(row) for row in range(rows)], "path": [f"{row}.jpg" for row in range(rows)]}
    )
    file = tmp_path / "t.parquet"
    parquet.write_table(table, file, compression="none")
    content = bytearray(file.read_bytes())
    content[100:4000] = bytes(3900)
    file.write_bytes(content)
    with pytest.raises(SetupError):
        load_table(file)


@given(content=st.binary(max_size=300))
def test_whatever_the_bytes_the_answer_is_a_data_set_or_a_refusal(content, tmp_path_factory):
    file = tmp_path_factory.mktemp("hostile") / "t.csv"
    file.write_bytes(b"subject,path\n" + content)
    try:
        assert load_table(file).photos
    except SetupError as refusal:
        told = refusal.remedy
    else:
        told = "a data set"
    assert told


def test_scores_of_attack_detection_are_numbers_or_no_answer(load):
    data = load("subject,path,attack,pad_score\nann,1.jpg,,0.75\nann,2.jpg,,\nbob,3.jpg,print,-2e3\n")
    assert [photo.pad_score for photo in data.photos] == [0.75, None]
    assert [photo.pad_score for photo in data.attacks] == [-2000.0]
    assert data.has_pad_scores
    assert not load(WHOLE).has_pad_scores


@pytest.mark.parametrize("score", ["high", "nan", "inf", "1e7", "-1000001", "1_0x"])
def test_a_score_that_is_none_is_told_with_its_row(load, score):
    with pytest.raises(SetupError, match=r"row 3, column `pad_score`: (no number|not from -1,000,000)"):
        load(f"subject,path,pad_score\nann,1.jpg,1\nann,2.jpg,{score}\n")
