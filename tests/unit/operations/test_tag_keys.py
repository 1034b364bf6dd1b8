from __future__ import annotations

import pytest

from countenance.errors import InvalidParameterException
from countenance.operations.tag_keys import refuse_reserved_keys


@pytest.mark.parametrize("key", ["aws:x", "AWS:x", "Aws:"])
def test_a_key_with_the_prefix_of_aws_is_refused_by_name(key):
    with pytest.raises(InvalidParameterException, match=key):
        refuse_reserved_keys({"fine": "", key: ""})


@pytest.mark.parametrize("key", ["aws", "awsx:", "my aws: key", "x-aws:"])
def test_only_the_prefix_is_reserved(key):
    refuse_reserved_keys({key: "aws:"})
