"""What a report says in sentences."""

from __future__ import annotations

from countenance.measuring.report_words import findings_of
from sample_evaluation import sample_evaluation


def test_thresholds_that_only_budgets_ask_for_are_in_the_table_and_not_among_the_sentences():
    """Seven sentences of the same kind at the head of a page are read by nobody."""
    evaluation = sample_evaluation()
    rows = evaluation["verification"]["at_similarity"]
    said = [sentence for sentence in findings_of(evaluation) if sentence.startswith("At Similarity")]
    strict = {**rows[-1], "similarity": 99.9}
    evaluation["verification"]["at_similarity"] = [*rows, strict]
    assert said
    assert [each for each in findings_of(evaluation) if each.startswith("At Similarity")] == said
