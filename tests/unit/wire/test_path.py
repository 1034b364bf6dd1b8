from __future__ import annotations

import pytest

from countenance.wire.path import join


@pytest.mark.parametrize(
    ("path", "member", "shown"),
    [("", "CollectionId", "collectionId"), ("image", "S3Object", "image.s3Object"), ("", "Id", "id")],
)
def test_names_are_lowered_at_their_first_letter_only(path, member, shown):
    """As AWS prints them: `image.s3Object.bucket`."""
    assert join(path, member) == shown
