"""A calibration file."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from countenance.assurance.calibration_document import MOST_BYTES, parse_calibration
from countenance.errors import InvalidParameterException
from countenance.similarity import Calibration
from countenance.transparency.canonical import canonical_json
from fakes.calibrations import DOCUMENT


def changed(**members):
    told = json.loads(DOCUMENT.to_bytes())
    for path, value in members.items():
        *above, name = path.split("__")
        place = told
        for step in above:
            place = place[step]
        if value is None:
            del place[name]
        else:
            place[name] = value
    return canonical_json(told)


@pytest.mark.parametrize(
    "document", [DOCUMENT, replace(DOCUMENT, calibration=Calibration((0.1, 0.2), (1.0, 2.0), 7, 0.15))]
)
def test_what_is_written_is_read_back(document):
    """With a band and without; a final line end is no change."""
    assert parse_calibration(document.to_bytes()) == document
    assert parse_calibration(document.to_bytes() + b"\n") == document


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no JSON"),
        (b"[]", "object"),
        (json.dumps(json.loads(DOCUMENT.to_bytes())).encode(), "canonical"),
        (b"{" + b" " * MOST_BYTES + b"}", "longer"),
        (changed(format="countenance.calibration/2"), "format"),
        (changed(program=None), "lacks a member"),
        (changed(note="hello"), "lacks a member"),
        (changed(data__digest=None), "`data`"),
        (changed(pack__digest="CD" * 32), "64 hexadecimal"),
        (changed(data__samples=-1), "count"),
        (changed(data__samples=1.5), "count"),
        (changed(made_at="yesterday"), "time"),
        (changed(calibration__cosine="0.1"), "list"),
        (changed(calibration__cosine=[0.5, 0.0, 1.0]), "strictly increasing"),
        (changed(calibration__neg_log10_fmr=[4.0, 4.0, 7.0]), "strictly increasing"),
        (changed(calibration__neg_log10_fmr_low=[0.9, 3.8]), "both ends"),
        (changed(fit__effective_trials=-1), "more than none"),
        (changed(fit__counted_to_fmr=-1), "between 0 and 1"),
        (changed(fit__counted_to_fmr=1), "between 0 and 1"),
        (changed(calibration__trials=12_346), "digest is not that of its values"),
        (changed(calibration__extrapolated_from=0.9), "digest is not that of its values"),
    ],
)
def test_what_is_none_or_was_changed_is_refused_with_the_reason(data, why):
    """Rates that do not fall as the cosine rises would make a worse face a better match."""
    with pytest.raises(InvalidParameterException, match=why):
        parse_calibration(data)


def test_nobody_is_named_in_it():
    """A file that is handed about must not be a list of people."""
    told = json.loads(DOCUMENT.to_bytes())
    assert told.keys() == {"format", "made_at", "program", "pack", "data", "fit", "calibration"}
    assert told["data"].keys() == {"name", "digest", "samples", "subjects", "failures_to_enrol"}
