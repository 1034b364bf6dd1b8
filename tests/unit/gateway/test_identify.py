from __future__ import annotations

from dataclasses import replace

import pytest

from countenance.errors import UnknownOperationException
from countenance.gateway.call import Call
from countenance.gateway.identify import identify


def _identify(bench, target):
    head = bench.head("DetectFaces", b"{}")
    headers = {name: value for name, value in head.headers.items() if name != "x-amz-target"}
    if target is not None:
        headers["x-amz-target"] = target
    return identify(Call(head=replace(head, headers=headers)), bench.services)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("RekognitionService.DetectFaces", "rekognition:DetectFaces"),
        ("RekognitionService.DetectLabels", "rekognition:DetectLabels"),
        ("CountenanceService.GetHealth", "countenance:GetHealth"),
    ],
)
def test_a_target_names_an_operation_of_either_model_offered_or_not(bench, target, name):
    assert _identify(bench, target).qualified_name == name


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "DetectFaces",
        "rekognitionservice.DetectFaces",
        "RekognitionService.detectfaces",
        "RekognitionService.GetHealth",
        "RekognitionService.DetectFaces,RekognitionService.DeleteFaces",
        "RekognitionService.DetectFaces.More",
    ],
)
def test_any_other_target_is_unknown(bench, target):
    with pytest.raises(UnknownOperationException):
        _identify(bench, target)
