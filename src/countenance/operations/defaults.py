"""What operations take where a caller says nothing: used by the operation, and judged by policy before it."""

from __future__ import annotations

from typing import Final

SEARCH_THRESHOLD: Final = 80.0
COMPARE_THRESHOLD: Final = 80.0
ASSOCIATE_THRESHOLD: Final = 75.0
IMPORT_THRESHOLD: Final = 99.0
"""How alike a face must be to look like another person's: one in a million pairs of strangers is."""
IMPORT_BUDGET: Final = 0.01
"""Of a hundred photos one may look like another person's by chance, however many there are."""
DECIDING_FACES: Final = 3
"""Candidates of IdentifyFace: as many as every purpose allows that allows searches."""
COLLISIONS: Final = 10
"""Pairs in an answer of ReportCollisions: as many as every purpose allows that has it."""
OUTLIERS: Final = 100
"""Users that an answer of ListOutliers looks at."""
MOST_FACES: Final = 4096
MOST_USERS: Final = 500
