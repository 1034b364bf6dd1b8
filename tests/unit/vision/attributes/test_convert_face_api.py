"""The networks of face-api, built from random weights of their shapes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from countenance.errors import SetupError
from countenance.vision.attributes.convert_face_api import convert_age_gender, convert_expression
from countenance.vision.attributes.convert_network import convert_network
from countenance.vision.session import Session


def separable(name, inputs, outputs):
    return [
        (f"{name}/depthwise_filter", [3, 3, inputs, 1]),
        (f"{name}/pointwise_filter", [1, 1, inputs, outputs]),
        (f"{name}/bias", [outputs]),
    ]


def reduction(name, inputs, outputs):
    return [
        *separable(f"{name}/separable_conv0", inputs, outputs),
        *separable(f"{name}/separable_conv1", outputs, outputs),
        (f"{name}/expansion_conv/filters", [1, 1, inputs, outputs]),
        (f"{name}/expansion_conv/bias", [outputs]),
    ]


AGE_GENDER = [
    ("entry_flow/conv_in/filters", [3, 3, 3, 4]),
    ("entry_flow/conv_in/bias", [4]),
    *reduction("entry_flow/reduction_block_0", 4, 6),
    *reduction("entry_flow/reduction_block_1", 6, 8),
    *(
        row
        for block in (0, 1)
        for n in (0, 1, 2)
        for row in separable(f"middle_flow/main_block_{block}/separable_conv{n}", 8, 8)
    ),
    *reduction("exit_flow/reduction_block", 8, 10),
    *separable("exit_flow/separable_conv", 10, 12),
    ("fc/age/weights", [12, 1]),
    ("fc/age/bias", [1]),
    ("fc/gender/weights", [12, 2]),
    ("fc/gender/bias", [2]),
]
EXPRESSION = [
    ("dense0/conv0/filters", [3, 3, 3, 4]),
    ("dense0/conv0/bias", [4]),
    *(row for n in (1, 2, 3) for row in separable(f"dense0/conv{n}", 4, 4)),
    *(
        row
        for b, i, o in ((1, 4, 6), (2, 6, 8), (3, 8, 10))
        for n in (0, 1, 2, 3)
        for row in separable(f"dense{b}/conv{n}", o if n else i, o)
    ),
    ("fc/weights", [10, 7]),
    ("fc/bias", [7]),
]


def written(shapes, *, quantized=False, seed=1):
    """As face-api writes them: a JSON list, and bytes."""
    chance, entries, content = np.random.default_rng(seed), [], b""
    for name, shape in shapes:
        entry = {"name": name, "shape": shape, "dtype": "float32"}
        values = chance.normal(0, 0.4, shape).astype(np.float32)
        if quantized and not name.endswith("bias"):
            low, scale = float(values.min()), max(float(np.ptp(values)) / 255, 1e-9)
            entry["quantization"] = {"dtype": "uint8", "scale": scale, "min": low}
            content += np.round((values - low) / scale).astype(np.uint8).tobytes()
        else:
            content += values.tobytes()
        entries.append(entry)
    return json.dumps([{"paths": ["x.bin"], "weights": entries}]).encode(), content


@pytest.mark.parametrize("quantized", [False, True])
def test_shares_are_shares_whatever_the_batch(quantized):
    pictures = np.random.default_rng(3).uniform(0, 255, (3, 3, 112, 112)).astype(np.float32)
    age, gender = Session(convert_age_gender(*written(AGE_GENDER, quantized=quantized))).run(
        {"input": pictures}
    )
    assert (age.shape, gender.shape) == ((3, 1), (3, 2))
    assert gender.sum(axis=1) == pytest.approx(1, abs=1e-5)
    (shares,) = Session(convert_expression(*written(EXPRESSION, quantized=quantized))).run(
        {"input": pictures}
    )
    assert shares.shape == (3, 7)
    assert shares.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_weights_of_eight_bits_answer_nearly_what_the_whole_ones_answer():
    picture = np.random.default_rng(3).uniform(0, 255, (1, 3, 112, 112)).astype(np.float32)
    whole, rough = (
        Session(convert_expression(*written(EXPRESSION, quantized=each))).run({"input": picture})[0]
        for each in (False, True)
    )
    assert whole == pytest.approx(rough, abs=0.02)
    assert whole != pytest.approx(rough, abs=1e-9)


@pytest.mark.parametrize("convert", [convert_age_gender, convert_expression])
@pytest.mark.parametrize(
    ("manifest", "weights"),
    [(b"", b""), (b"{}", b""), (b"[]", b""), (b'[{"weights": [{"name": "x"}]}]', b""), (b"\xff", b"x")],
)
def test_what_are_no_weights_is_an_error_and_no_traceback(convert, manifest, weights):
    with pytest.raises(SetupError):
        convert(manifest, weights)


def test_weights_of_the_other_network_are_refused_by_what_they_lack():
    with pytest.raises(SetupError, match="lack 'entry_flow"):
        convert_age_gender(*written(EXPRESSION))
    with pytest.raises(SetupError, match="lack 'dense0"):
        convert_expression(*written(AGE_GENDER))


def test_bytes_that_nobody_speaks_of_are_refused():
    manifest, weights = written(EXPRESSION)
    with pytest.raises(SetupError, match="are spoken of"):
        convert_expression(manifest, weights + b"x")


def test_another_number_of_files_than_a_converter_reads_is_refused():
    with pytest.raises(SetupError, match="`tflite` reads 1 files, the manifest gives 2"):
        convert_network("tflite", [b"", b""], "x")
    with pytest.raises(SetupError, match="`face-api-expression` reads 2 files, the manifest gives 1"):
        convert_network("face-api-expression", [b""], "")
    assert convert_network("face-api-expression", written(EXPRESSION), "")
