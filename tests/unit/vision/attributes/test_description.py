from __future__ import annotations

from countenance.policy.purposes import ATTRIBUTES as ALLOWED
from countenance.vision.attributes.description import ATTRIBUTES


def test_what_can_be_described_is_what_purposes_may_allow():
    """An attribute that no purpose knows of could be asked for by anybody, or by nobody."""
    assert frozenset(ALLOWED) == ATTRIBUTES


def test_there_is_no_attribute_of_origin():
    """No race or ethnicity classifier, ever."""
    words = " ".join(ATTRIBUTES).lower()
    assert not any(word in words for word in ("race", "ethnic", "skin", "origin", "nation", "religion"))
