"""What reports say about groups and packs, held to docs/spec/wording.md."""

from pathlib import Path

import pytest

from countenance.evaluation.wording import (
    FORBIDDEN,
    differential_sentence,
    equality_sentence,
    find_forbidden,
    in_order,
    labels_sentence,
    paired_sentence,
    percent,
    rate_sentence,
    refusal_sentence,
    small_group_sentence,
)

RULE = (Path(__file__).parents[3] / "docs/spec/wording.md").read_text()
AT = "Similarity 80"
SENTENCES = {
    "labels": labels_sentence(column="origin", labels_by="the archive's staff"),
    "rate": rate_sentence("fmr", "A", at=AT, rate=1.02e-4, bound=1.46e-4, alpha=0.05, bonferroni=12),
    "too small": small_group_sentence("B", subjects=12, subjects_needed=20),
    "differs": equality_sentence("fmr", at=AT, p_value=0.004, alpha=0.05, tests=2, detectable_ratio=1.4),
    "not seen": equality_sentence("fnmr", at=AT, p_value=0.41, alpha=0.05, tests=2, detectable_ratio=1.9),
    "refused": refusal_sentence(
        "fnmr",
        at=AT,
        reason="a group shows 3 effective errors in 400 trials; a ratio needs 10 in every group",
        trials_needed=1334,
    ),
    "differential": differential_sentence(
        "fmr", at=AT, measure="max/min", value=1.6065, interval={"low": 1.1765, "high": 2.1937}
    ),
    "packs": paired_sentence(
        "fnmr at fmr 0.0001",
        ("open", "standard"),
        difference=-0.001,
        interval={"low": -0.0051, "high": 0.0031},
        p_value=0.63,
        detectable=0.006,
    ),
}


@pytest.mark.parametrize("finding", SENTENCES)
def test_the_rule_states_the_sentence_that_is_made(finding):
    """The table of the written rule is what readers are referred to: it must be what reports print."""
    assert f"| {finding} | {SENTENCES[finding]} |" in RULE


@pytest.mark.parametrize("finding", SENTENCES)
def test_no_sentence_claims_what_no_test_shows(finding):
    assert find_forbidden(SENTENCES[finding]) == []


@pytest.mark.parametrize("word", FORBIDDEN)
def test_every_forbidden_word_is_found_in_any_case_and_across_lines(word):
    text = f"On this data set the pack {word.upper().replace(' ', chr(10), 1)}, we say."
    assert word in find_forbidden(text)


def test_words_that_only_contain_a_forbidden_one_are_not_found():
    assert find_forbidden("Fairbanks affairs; an unfairest fairground") == []


def test_nothing_seen_without_errors_says_that_nothing_can_be_said():
    sentence = equality_sentence("fmr", at=AT, p_value=1.0, alpha=0.05, tests=1, detectable_ratio=None)
    assert "what could have been seen cannot be said" in sentence
    assert "corrected for 1 test)" in sentence


def test_a_test_that_could_see_nothing_says_so():
    """A factor of a million is no finding, and reads like one."""
    sentence = equality_sentence("fmr", at=AT, p_value=1.0, alpha=0.05, tests=1, detectable_ratio=3.7e5)
    assert "could not have seen even a factor of 1,000 between two groups" in sentence


def test_p_at_alpha_is_a_difference():
    """`EqualityTest.differ` is inclusive, and the sentence must not say otherwise."""
    sentence = equality_sentence("tpr", at=AT, p_value=0.05, alpha=0.05, tests=4, detectable_ratio=1.5)
    assert sentence.startswith("The true positive rate differs between groups")


@pytest.mark.parametrize(("difference", "lower"), [(0.02, "open"), (-0.02, "standard")])
def test_the_pack_with_fewer_errors_is_named_first(difference, lower):
    sentence = paired_sentence(
        "fnmr at fmr 0.001",
        ("open", "standard"),
        difference=difference,
        interval={"low": difference - 0.01, "high": difference + 0.01},
        p_value=0.001,
        detectable=0.01,
    )
    assert sentence.startswith(f"{lower} has a lower fnmr at fmr 0.001")
    assert "2.00 percentage points" in sentence


def test_packs_that_never_decide_differently_show_nothing_of_what_could_be():
    sentence = paired_sentence(
        "rank-1 misses",
        ("a", "b"),
        difference=0.0,
        interval={"low": 0.0, "high": 0.0},
        p_value=1.0,
        detectable=None,
    )
    assert "not distinguishable" in sentence
    assert "they never decided differently" in sentence


def test_a_true_positive_rate_has_its_bound_below():
    sentence = rate_sentence("tpr", "A", at=AT, rate=0.991, bound=0.9834, alpha=0.05, bonferroni=3)
    assert "true positive rate 99.10 % at Similarity 80, at least 98.3 %" in sentence


def test_groups_are_in_alphabetical_order_with_the_unlabelled_last():
    """By code point "(" comes before letters; a group without a label leads no list."""
    assert in_order(["b", "(unlabelled)", "a"]) == ["a", "b", "(unlabelled)"]


def test_a_data_set_that_does_not_say_whose_labels_they_are_is_told_on():
    assert "whom the data set does not say" in labels_sentence(column="c", labels_by=None)


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (1e-6, "0.0001 %"),
        (0.0123456, "1.23 %"),
        (0.99996, "99.9960 %"),
        (0.9834, "98.3 %"),
        (0.98, "98.0 %"),
        (0.75, "75.0 %"),
    ],
)
def test_rates_are_readable_and_never_rounded_to_certainty(rate, text):
    assert percent(rate) == text
