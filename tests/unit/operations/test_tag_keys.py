from __future__ import annotations

import pytest

from countenance.errors import InvalidParameterException
from countenance.operations.tag_keys import refuse_charter_keys, refuse_reserved_keys


@pytest.mark.parametrize("key", ["aws:x", "AWS:x", "Aws:"])
def test_a_key_with_the_prefix_of_aws_is_refused_by_name(key):
    with pytest.raises(InvalidParameterException, match=key):
        refuse_reserved_keys({"fine": "", key: ""})


@pytest.mark.parametrize("key", ["aws", "awsx:", "my aws: key", "x-aws:"])
def test_only_the_prefix_is_reserved(key):
    refuse_reserved_keys({key: "aws:"})


@pytest.mark.parametrize("key", ["countenance:purposes", "countenance:x", "countenance:"])
def test_a_charter_is_not_set_by_tags_later(key):
    """Whatever comes behind our prefix: the caller is told what can be done instead."""
    with pytest.raises(InvalidParameterException, match=f"`{key}` is part of a charter.*PutCharter"):
        refuse_charter_keys({"fine": "", key: ""})


@pytest.mark.parametrize("key", ["countenance", "Countenance:x", "x-countenance:y", "my countenance: z"])
def test_only_our_prefix_is_kept_for_charters(key):
    refuse_charter_keys({key: "countenance:"})
