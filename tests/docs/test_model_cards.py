"""A model card says what its pack was measured to do: this pack, with this calibration, and these figures."""

import re
from pathlib import Path

import pytest

from countenance.measuring.evaluation_file import load_evaluation
from countenance.measuring.model_card import SECTIONS, measured_block
from countenance.vision.packs import find_packs
from paths import REPOSITORY

CARDS = REPOSITORY / "docs" / "models"
PACKS = find_packs([Path("/nowhere")])
RENEW = (
    "renew it: `countenance evaluate PHOTOS --pack {0} --out DIR`, then"
    " `python bench/cards.py DIR/evaluation.json`"
)


def card_of(pack):
    path = CARDS / f"{pack}.md"
    assert path.is_file(), f"docs/models/{pack}.md is missing: write it with the sections of the other cards"
    return path.read_text("utf-8")


def block_of(pack):
    found = re.search(r"<!-- measured: rates -->\n(.*?)\n?<!-- end -->", card_of(pack), re.DOTALL)
    assert found, f"docs/models/{pack}.md has no block `measured: rates`"
    return found[1]


@pytest.mark.parametrize("pack", PACKS)
def test_a_card_is_of_the_pack_and_the_calibration_that_come_with_it(pack):
    """Weights, alignment or knots that changed since have rates that nobody measured."""
    block = block_of(pack)
    manifest = PACKS[pack]
    for what, digest in (("pack", manifest.digest), ("calibration", manifest.calibration.digest)):
        stated = re.search(rf"^- {what} digest: `([0-9a-f]{{64}})`$", block, re.MULTILINE)
        assert stated, f"docs/models/{pack}.md states no {what} digest; {RENEW.format(pack)}"
        assert stated[1] == digest, (
            f"docs/models/{pack}.md was measured with another {what}; {RENEW.format(pack)}"
        )


@pytest.mark.parametrize("pack", PACKS)
def test_a_card_s_figures_are_those_of_the_evaluation_beside_it(pack):
    """No figure is written by hand, and none is left over from another run."""
    kept = CARDS / f"{pack}.evaluation.json"
    assert kept.is_file(), f"docs/models/{pack}.evaluation.json is missing; {RENEW.format(pack)}"
    assert block_of(pack) == measured_block(load_evaluation(kept)), (
        f"docs/models/{pack}.md is not what its evaluation gives; python bench/cards.py {kept.name}"
    )


@pytest.mark.parametrize("pack", PACKS)
def test_a_card_has_every_section(pack):
    """Mitchell et al., 2019: what is left out of a card is what a reader needed."""
    headings = re.findall(r"^## (.*)$", card_of(pack), re.MULTILINE)
    assert headings == list(SECTIONS)
    assert PACKS[pack].face_model_version in card_of(pack).splitlines()[0]


@pytest.mark.parametrize("pack", PACKS)
def test_a_card_says_what_is_known_of_the_training_data(pack):
    """As the manifest does, word for word."""
    training = card_of(pack).partition("## Training data")[2].partition("\n## ")[0]
    for artifact in PACKS[pack].artifacts:
        assert artifact.training_data in training, artifact.name
