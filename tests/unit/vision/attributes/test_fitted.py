from __future__ import annotations

from countenance.vision.attributes import fitted
from countenance.vision.attributes.certainty import Fit


def test_no_fit_is_ever_certain():
    fits = [each for each in vars(fitted).values() if isinstance(each, Fit)]
    assert len(fits) == 10
    assert all(0.5 < each.most <= 0.99 for each in fits)


def test_heuristics_claim_less_than_networks():
    assert all(each.most <= 0.9 for each in (fitted.EYEGLASSES, fitted.MUSTACHE, fitted.BEARD))
