"""The two packs that collections are moved between in tests of that, both stood in for."""

from __future__ import annotations

from countenance.gallery.two_models import Model
from fakes.vision import FakeModels

OLD, NEW = FakeModels().vision("1.0"), FakeModels().vision("2.0")
NEW_MODEL = Model(NEW.face_model_version, NEW.dimensions)
