"""What operations take where a caller says nothing: used by the operation, and judged by policy before it."""

from __future__ import annotations

from typing import Final

SEARCH_THRESHOLD: Final = 80.0
COMPARE_THRESHOLD: Final = 80.0
ASSOCIATE_THRESHOLD: Final = 75.0
MOST_FACES: Final = 4096
MOST_USERS: Final = 500
