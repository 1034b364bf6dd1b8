"""How often the intervals, tests and bounds of findings by group are right, on generated people.

    nice python bench/coverage_cohorts.py [data sets, 400]

Groups are unit vectors drawn uniformly in d dimensions, whose FMR at a cosine t is known exactly:
P(cos >= t) = I(1 - t^2; (d - 1)/2, 1/2) / 2; or in a cone, where some people are nearer to everybody
than others and pairs of people depend on each other, with the truth from a large draw.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc

from countenance.evaluation.cohort_labels import cohorts_of
from countenance.evaluation.cohort_rates import Plan
from countenance.evaluation.demographics import Demographics, demographics_of
from countenance.evaluation.differentials import Refused
from countenance.evaluation.group_rates import Rate
from countenance.evaluation.trials import Samples

DIMENSIONS = 40


@dataclass(frozen=True)
class Group:
    """People to draw: how many, in how many dimensions, how unequally near to the common direction."""

    name: str
    people: int
    dimensions: int
    cone: float = 0.0
    spread: float = 0.45


def draw(groups: list[Group], *, photos: int, seed: int) -> tuple[Samples, list[str]]:
    """Samples of all groups and one label a sample."""
    random = np.random.default_rng(seed)
    rows, labels, subjects, start = [], [], [], 0
    for group in groups:
        centres = np.zeros((group.people, DIMENSIONS))
        centres[:, : group.dimensions] = random.normal(size=(group.people, group.dimensions))
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        centres[:, 0] += group.cone * random.random(group.people)
        who = np.repeat(np.arange(group.people), photos)
        noise = random.normal(size=(len(who), DIMENSIONS)) / np.sqrt(DIMENSIONS) * (photos > 1)
        hard = 0.5 + random.random((group.people, 1))
        rows.append(centres[who] + group.spread * 1.5 * hard[who] * noise)
        labels += [group.name] * len(who)
        subjects.append(start + who)
        start += group.people
    templates = np.concatenate(rows)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    return Samples(templates.astype(np.float32), np.concatenate(subjects), np.ones(len(labels), bool)), labels


def exact_fmr(dimensions: int, cosine: float) -> float:
    """FMR of people drawn uniformly on a sphere."""
    return float(betainc((dimensions - 1) / 2, 0.5, 1.0 - cosine**2) / 2)


def true_rates(group: Group, cosine: float, *, photos: int) -> tuple[float, float]:
    """FMR and FNMR out of a large draw (FMR exactly, where it is known)."""
    large = Group(group.name, 6000, group.dimensions, group.cone, group.spread)
    samples, labels = draw([large], photos=photos, seed=10**6)
    plan = Plan((cosine,), replicates=20)
    row = demographics_of(samples, cohorts_of(samples.subjects, labels), plan).rates[0]
    at = row.at[0]
    fmr = exact_fmr(group.dimensions, cosine) if photos == 1 and not group.cone else at.fmr.rate
    return fmr, getattr(at.fnmr, "rate", float("nan"))


def simulate(groups: list[Group], cosine: float, *, photos: int, sets: int) -> dict[str, float]:
    """Share of data sets in which each statement is right (tests: in which groups are said to differ)."""
    truths = {g.name: true_rates(g, cosine, photos=photos) for g in groups}
    counts: dict[str, list[bool]] = defaultdict(list)
    for seed in range(sets):
        samples, labels = draw(groups, photos=photos, seed=seed)
        plan = Plan((cosine,), replicates=400, seed=seed)
        found = demographics_of(samples, cohorts_of(samples.subjects, labels), plan)
        tally_rates(found, truths, counts)
        tally_comparisons(found, truths, counts)
    return {name: sum(values) / len(values) for name, values in counts.items()}


def tally_rates(
    found: Demographics, truths: dict[str, tuple[float, float]], counts: dict[str, list[bool]]
) -> None:
    """Whether intervals hold the truth, and whether all bounds of a data set do at once."""
    hold = True
    for row in found.rates:
        at = row.at[0]
        for name, rate, truth in zip(("fmr", "fnmr"), (at.fmr, at.fnmr), truths[row.group], strict=True):
            if isinstance(rate, Rate):
                counts[f"interval {name}"].append(rate.interval.low <= truth <= rate.interval.high)
                hold &= rate.bound >= truth
    counts["all bounds of a data set"].append(hold)


def tally_comparisons(
    found: Demographics, truths: dict[str, tuple[float, float]], counts: dict[str, list[bool]]
) -> None:
    """Whether differentials' intervals hold the truth, and whether groups are said to differ at 5 %."""
    fmrs, fnmrs = np.array([*truths.values()]).T
    true = {"fmr": fmrs, "fnmr": fnmrs, "tpr": 1.0 - fnmrs}
    for comparison in found.comparisons:
        if comparison.equality is None:
            continue
        uncorrected = comparison.equality.p_value / comparison.equality.tests
        counts[f"differ {comparison.of}"].append(uncorrected <= 0.05)
        refused = isinstance(comparison.differentials, Refused)
        counts[f"refused {comparison.of}"].append(refused)
        for item in () if refused else comparison.differentials:
            value = measure(item.measure, true[comparison.of])
            inside = item.interval.low - 1e-9 <= value <= item.interval.high + 1e-9
            counts[f"interval {comparison.of} {item.measure}"].append(inside)


def measure(name: str, rates: np.ndarray) -> float:
    """The measure by its definition, written out."""
    if name == "max/min":
        return float(rates.max() / rates.min())
    if name == "min/max":
        return float(rates.min() / rates.max())
    if name == "max/geomean":
        return float(rates.max() / np.exp(np.mean(np.log(rates))))
    differences = sum(abs(a - b) for a in rates for b in rates)
    return float(len(rates) / (len(rates) - 1) * differences / (2 * len(rates) ** 2 * rates.mean()))


SCENES = {
    "two groups, no difference": ([Group("a", 150, 40), Group("b", 100, 40)], 0.4, 1),
    "two groups, FMR 2.3 times": ([Group("a", 150, 40), Group("b", 150, 30)], 0.4, 1),
    "three groups, FMR differs": ([Group("a", 150, 40), Group("b", 120, 34), Group("c", 90, 28)], 0.4, 1),
    "two groups in cones, no difference": (
        [Group("a", 120, 40, cone=0.9), Group("b", 120, 40, cone=0.9)],
        0.45,
        2,
    ),
    "two groups of few people with many photos": (
        [Group("a", 30, 40, spread=0.25), Group("b", 30, 40, spread=0.25)],
        0.47,
        5,
    ),
    "two groups, FNMR differs": ([Group("a", 200, 40), Group("b", 200, 40, spread=0.55)], 0.65, 2),
}


def main() -> None:
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    for name, (groups, cosine, photos) in SCENES.items():
        print(name)
        for what, share in sorted(simulate(groups, cosine, photos=photos, sets=sets).items()):
            print(f"    {what:28} {share:.3f}")


if __name__ == "__main__":
    main()
