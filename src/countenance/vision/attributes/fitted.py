"""What measures are worth: written by `python bench/run.py attributes --write-fits`, and by nobody's hand.

Fitted on photos of lfw-dev that one person has labelled by looking (bench/attribute_labels.toml); how well
they do on people that they were not fitted on is in docs/models/attributes.md.
"""

from __future__ import annotations

from typing import Final

from countenance.vision.attributes.certainty import Fit

FEMALE: Final = Fit(offset=0.5346, weights=(1.287,), most=0.99)
SMILE: Final = Fit(offset=-3.406, weights=(7.515,), most=0.99)
EYES_SHUT: Final = Fit(offset=-3.448, weights=(11.72, -9.699, 3.384), most=0.99)
MOUTH_OPEN: Final = Fit(offset=-3.34, weights=(28.21,), most=0.99)
EYEGLASSES: Final = Fit(offset=-5.469, weights=(2.066, 1.153), most=0.9)
MUSTACHE: Final = Fit(offset=-3.864, weights=(5.079, 0.1958, -0.4236), most=0.9)
BEARD: Final = Fit(offset=-3.272, weights=(2.977, 0.1618), most=0.9)
SUNGLASSES: Final = Fit(offset=-6.359, weights=(10.03, 3.756), most=0.99)
COVER: Final = Fit(offset=0.8093, weights=(4.589,), most=0.99)
OUTSIDE: Final = Fit(offset=-6.0, weights=(40.0,), most=0.99)
