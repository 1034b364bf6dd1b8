from __future__ import annotations

import pytest

from countenance.vision.attributes.expressions import Expression


@pytest.fixture
def seen(analyst, vision, portrait_pixels):
    (mesh,) = analyst.meshes(portrait_pixels, vision.detect(portrait_pixels).faces[:1])
    return portrait_pixels, mesh


def test_all_eight_are_told_the_surest_first(attribute_pack, seen):
    rows = Expression(attribute_pack.read("expression")).read(*seen, 1.0)
    assert {name for name, _ in rows} == {
        *("HAPPY", "SAD", "ANGRY", "CONFUSED", "DISGUSTED", "SURPRISED", "CALM", "FEAR")
    }
    shares = [share for _, share in rows]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.1)
    assert rows[0][0] == "HAPPY"  # he smiles


def test_nothing_is_called_confused(attribute_pack, seen):
    """No model knows it: Amazon has the word, so the member is there, at 0."""
    assert dict(Expression(attribute_pack.read("expression")).read(*seen, 1.0))["CONFUSED"] == 0


def test_a_face_that_shows_nothing_expresses_nothing_in_particular(attribute_pack, seen):
    shares = dict(Expression(attribute_pack.read("expression")).read(*seen, 0.0))
    assert {round(share, 2) for name, share in shares.items() if name != "CONFUSED"} == {14.29}
