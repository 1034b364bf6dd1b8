"""The report's page: whole, self-contained, and deaf to what a data set says."""

import base64
import copy
import hashlib
import re
from itertools import pairwise

import pytest

from countenance.errors import InvalidEvaluation
from countenance.evaluation.wording import find_forbidden
from countenance.measuring.evaluation_file import evaluation_digest
from countenance.measuring.evaluation_tables import tables_of
from countenance.measuring.report_html import render_report, write_report
from countenance.measuring.report_words import findings_of, label_errors_of, limits_of
from html_page import Page
from sample_evaluation import compared_evaluation, refused, sample_evaluation

SAMPLE = compared_evaluation()
PAGE = render_report(SAMPLE)
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u202e{{ 7*7 }}"


def hostile_evaluation():
    evaluation = copy.deepcopy(SAMPLE)
    evaluation["data"]["name"] = evaluation["data"]["labels_by"] = HOSTILE
    evaluation["data"]["label_errors"][0]["reason"] = HOSTILE
    evaluation["pack"]["name"] = evaluation["pack"]["licence"] = HOSTILE
    evaluation["comparison"]["with"]["pack"]["name"] = HOSTILE
    evaluation["machine"] = HOSTILE
    evaluation["notes"] = [HOSTILE]
    evaluation["program"]["command"] = evaluation["program"]["version"] = HOSTILE[:50]
    evaluation["attack_detection"]["apcer"][0]["species"] = HOSTILE
    evaluation["verification"]["at_fmr"][-1]["refused"] = HOSTILE
    cohort = evaluation["cohorts"][0]
    cohort["column"] = cohort["labels_by"] = HOSTILE
    cohort["rates"][0]["group"] = HOSTILE
    for pair in cohort["cross"]:
        pair["groups"] = [HOSTILE if name == "Ardennes" else name for name in pair["groups"]]
    cohort["differentials"][1]["refused"] = HOSTILE
    return evaluation


def test_the_page_is_well_formed_and_its_ids_stand_once():
    page = Page(PAGE)
    assert page.unclosed == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    anchors = {attributes["href"] for attributes in page.of("a")}
    assert anchors <= {f"#{each}" for each in ids}


def test_nothing_is_loaded_and_nothing_runs():
    """It is opened from a mail or a share, and must not tell anybody that it was."""
    page = Page(PAGE)
    assert not page.of("script")
    assert not page.of("link")
    assert not page.of("iframe")
    assert not page.of("img")
    for _, attributes in page.tags:
        assert not any(name.startswith("on") or name in {"src", "style", "action"} for name in attributes)
    assert not re.search(r"url\(|@import|https?:(?!//www\.w3\.org/2000/svg)", PAGE)


def test_its_policy_allows_the_one_style_block_and_no_more():
    page = Page(PAGE)
    (policy,) = [each["content"] for each in page.of("meta") if each.get("http-equiv")]
    (style,) = re.findall(r"<style>(.*?)</style>", PAGE, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_what_a_data_set_says_stays_text():
    """Names of groups, data and attacks come from whoever made them."""
    page = render_report(hostile_evaluation())
    tame = Page(page)
    assert tame.unclosed == []
    assert [name for name, _ in tame.tags] == [name for name, _ in Page(render_report(renamed())).tags]
    assert "\u202e" not in page
    assert "{{ 7*7 }}" in page
    assert "<script" not in page
    assert "onerror" in page  # told, as text


def renamed():
    """As the hostile one with tame names at the same places: order and number of tags are the same."""
    evaluation = hostile_evaluation()

    def tame(value):
        if isinstance(value, dict):
            return {name: tame(each) for name, each in value.items()}
        if isinstance(value, list):
            return [tame(each) for each in value]
        return "- tame" if isinstance(value, str) and value.startswith("</script>") else value

    return tame(evaluation)


def test_long_names_are_cut():
    evaluation = copy.deepcopy(SAMPLE)
    evaluation["cohorts"][0]["rates"][1]["group"] = "x" * 200
    del evaluation["cohorts"][0]["cross"]
    assert "x" * 121 not in render_report(evaluation)


def test_every_table_of_the_evaluation_is_on_the_page():
    captions = PAGE.count("<caption>")
    matrices = 1
    assert captions == len(tables_of(SAMPLE)) + matrices


def test_tables_say_what_their_cells_are_of():
    """Screen readers announce a column's head with each cell."""
    page = Page(PAGE)
    assert len(page.of("caption")) == len(page.of("table"))
    assert all(each.get("scope") in {"col", "row"} for each in page.of("th"))
    assert len(page.of("svg")) == len(page.of("figure")) > 6
    assert page.of("html")[0]["lang"] == "en"
    levels = [int(name[1]) for name, _ in page.tags if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_order_is_words_then_facts_then_rates_then_what_is_derived():
    order = ["What it says", "What was measured", "What a Similarity means", "Searching a list of people"]
    order += ["Limits", "How to check it"]
    places = [PAGE.index(f">{heading}</h2>") for heading in order]
    assert places == sorted(places)
    cohort = PAGE[PAGE.index('<section id="cohort-1">') :]
    captions = re.findall(r"<caption><bdi>(.*?)</bdi>", cohort)
    assert captions[0].startswith("Rates by region")
    assert captions.index(next(each for each in captions if "two groups at" in each)) < captions.index(
        next(each for each in captions if "lie apart" in each)
    )


def test_whose_labels_they_are_is_said_and_nobody_is_called_fair():
    said = " ".join(Page(PAGE).texts)
    assert SAMPLE["cohorts"][0]["labels_by"] in said
    assert "no group is inferred from a face" in said
    assert find_forbidden(said) == []


def test_what_was_not_seen_comes_with_what_could_have_been():
    """And stands after the rates that it follows from (docs/spec/wording.md)."""
    seen = "The within-group false match rate differs between groups at Similarity 80"
    not_seen = "could have seen a factor of 1.6 between two groups"
    rates = PAGE.index("<caption><bdi>Rates by region")
    assert rates < PAGE.index(seen)
    assert rates < PAGE.index(not_seen)
    assert "open has" not in PAGE
    assert "standard has a lower fnmr at fmr 0.0001 than open on these trials" in PAGE


def test_what_is_extrapolated_is_marked_and_what_is_refused_says_what_it_would_take():
    said = " ".join(Page(PAGE).texts)
    assert said.count("extrapolated") >= 2
    assert "It would take 10,000,000 trials" in said


def test_the_digest_of_the_record_is_on_it():
    assert evaluation_digest(SAMPLE) in PAGE


def test_a_small_evaluation_makes_a_page():
    """Nothing but what every evaluation has; and one in which everything was refused."""
    needed = ("format", "made_at", "program", "machine", "pack", "calibration", "data", "protocol")
    small = {name: SAMPLE[name] for name in needed}
    page = Page(render_report(small))
    assert page.unclosed == []
    small["verification"] = refused(2)
    small["failure_to_enrol"] = refused(1)
    small["identification"] = [{"gallery": 100, **refused(300)}]
    said = " ".join(Page(render_report(small)).texts)
    assert "It would take 300 trials" in said
    assert "It would take 2 trials" in said


def test_findings_name_each_similarity_and_the_longest_list():
    findings = " ".join(findings_of(SAMPLE))
    for similarity in (80, 90, 99):
        assert f"Similarity {similarity}" in findings
    assert "list of 1,000 people" in findings
    assert "3 groups" in findings
    assert "no group labels" in " ".join(findings_of(sample_evaluation(cohorts=False)))


def test_limits_say_what_was_not_measured():
    limits = " ".join(limits_of(sample_evaluation(cohorts=False)))
    assert "Not measured: differences between groups of people." in limits
    assert "Not measured: searches" not in limits
    assert SAMPLE["notes"][0] in limits


def test_label_errors_of_one_reason_are_told_together():
    evaluation = copy.deepcopy(SAMPLE)
    error = {"samples_or_subjects": 2, "reason": "two spellings"}
    evaluation["data"]["label_errors"] = [error, error, {"samples_or_subjects": 1, "reason": "another"}]
    assert label_errors_of(evaluation) == (
        "two spellings: 2 entries, of people or photographs 4",
        "another: 1 entry, of people or photographs 1",
    )
    assert "two spellings: 2 entries" in render_report(evaluation)


def test_a_long_table_says_how_much_of_it_is_shown():
    found = re.search(r"(\d+) of (\d+) rows; all are in det.csv", PAGE)
    assert found
    assert int(found[1]) <= 62
    assert int(found[2]) == len(SAMPLE["verification"]["det"])


def test_one_file_is_written(tmp_path):
    path = write_report(SAMPLE, tmp_path / "report")
    assert path.read_text("utf-8") == PAGE
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]


def test_nothing_is_written_of_what_is_no_evaluation(tmp_path):
    with pytest.raises(InvalidEvaluation):
        write_report({**SAMPLE, "format": "else"}, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_are_told_apart():
    """WCAG 2 AA: 4.5 for text, 3 for lines; in light, in dark and in print."""
    (style,) = re.findall(r"<style>(.*?)</style>", PAGE, re.DOTALL)
    palettes = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(palettes) == 3
    for palette in palettes:
        colours = dict(re.findall(r"--(\w+): (#\w{6})", palette))
        for name in ("ink", "quiet", "link"):
            assert contrast(colours[name], colours["paper"]) >= 4.5, name
            assert contrast(colours[name], colours["soft"]) >= 4.5, name
        for name in (f"c{number}" for number in range(6)):
            assert contrast(colours[name], colours["paper"]) >= 3, name
        for name in (f"shade{number}" for number in range(5)):
            assert contrast(colours["ink"], colours[name]) >= 4.5, name
