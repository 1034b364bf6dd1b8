"""Known label errors of a data set."""

from __future__ import annotations

from pathlib import Path

import pytest

from countenance.errors import SetupError
from countenance.measuring.data_sets import DataSet, Photo
from countenance.measuring.label_errors import LabelErrors, load_label_errors
from paths import REPOSITORY

PHOTOS = tuple(Photo(f"{name}/{number}.jpg", name) for name in "abc" for number in (1, 2))
DATA = DataSet("lfw-dev", "folder", Path("/nowhere"), PHOTOS)


@pytest.fixture
def load(tmp_path):
    def from_text(text):
        file = tmp_path / "errors.toml"
        file.write_text(text)
        return load_label_errors(file, DATA)

    return from_text


def test_people_and_photos_of_any_of_the_three_tables(load):
    """Of the data set's own name, its name up to the hyphen, and of any data set."""
    errors = load("""
[[lfw-dev]]
people = ["a", "c"]
reason = "one photograph"
[[lfw]]
samples = ["b/2.jpg", "b/9.jpg"]
reason = "somebody else"
[[label_errors]]
people = ["a", "zoe"]
reason = "two spellings"
[[other]]
people = ["b", "c"]
reason = "of another data set"
""")
    assert errors == LabelErrors(
        doubles=(("a", "c"),),
        wrong=("b/2.jpg",),
        reasons=((2, "one photograph"), (1, "somebody else")),
        elsewhere=1,
    )


def test_the_benches_list_is_such_a_file():
    """What is measured for the model cards and what anybody measures leave out the same."""
    names = ("Doc_Rivers", "Glenn_Rivers", "Nan_Wang")
    data = DataSet("lfw", "folder", Path("/nowhere"), tuple(Photo(f"{name}/1.jpg", name) for name in names))
    errors = load_label_errors(REPOSITORY / "bench/label_errors.toml", data)
    assert errors.doubles == (("Doc_Rivers", "Glenn_Rivers"),)
    assert errors.elsewhere == 10


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "lists no label errors"),
        ('[[other]]\npeople = ["a", "b"]\nreason = "x"\n', "lists no label errors"),
        ("lfw = 3\n", "lists no label errors"),
        ("[[lfw]\n", "is no TOML"),
        ('[[lfw]]\npeople = ["a", "b"]\n', "entry 1"),
        ('[[lfw]]\npeople = ["a", "b"]\nreason = "x"\n[[lfw]]\npeople = ["a"]\nreason = "x"\n', "entry 2"),
        ('[[lfw]]\npeople = ["a", "a"]\nreason = "x"\n', "entry 1"),
        ('[[lfw]]\npeople = "ab"\nreason = "x"\n', "entry 1"),
        ('[[lfw]]\npeople = ["a", "b"]\nsamples = ["a/1.jpg"]\nreason = "x"\n', "entry 1"),
        ('[[lfw]]\nperson = ["a", "b"]\nreason = "x"\n', "entry 1"),
        ("lfw = [1]\n", "entry 1"),
    ],
)
def test_what_is_no_label_error_is_refused(load, text, problem):
    """A typing error must not leave a label error in, unnoticed."""
    with pytest.raises(SetupError, match=problem) as refusal:
        load(text)
    assert refusal.value.remedy


@pytest.mark.parametrize("between", ["b", "a name of nobody in the data set"])
def test_chains_of_names_are_closed(load, between):
    """With a = b and b = c, a compared with c would be a false match that is no error of the pack."""
    errors = load(f"""
[[lfw]]
people = ["a", "{between}"]
reason = "married"
[[lfw]]
people = ["c", "{between}"]
reason = "misspelt"
""")
    assert ("a", "c") in errors.doubles
    assert len(errors.doubles) == (3 if between == "b" else 1)
    assert [reason for _, reason in errors.reasons] == ["married", "misspelt"]
    assert errors.elsewhere == 0
