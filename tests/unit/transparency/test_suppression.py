"""No small count can be worked out from what a report publishes: held against an attack."""

from __future__ import annotations

from collections import Counter

from hypothesis import assume, given, settings
from hypothesis import strategies as some

from countenance.transparency.suppression import LEAST_K, Partition, withheld_figures
from subtraction import Attack

ROWS, COLUMNS, FLAGS = ("r0", "r1", "r2"), ("c0", "c1", "c2"), ("rule0", "rule1")


def table(cells) -> tuple[Counter, list[Partition]]:
    """Entries with a row, a column and flags: margins of both, all cells, and the flags."""
    atoms: Counter = Counter()
    for (row, column, flags), count in cells.items():
        if count:
            names = ["all", row, column, f"{row}/{column}", *flags]
            atoms[tuple(sorted(names))] += count
    partitions = [Partition("all", ROWS), Partition("all", COLUMNS)]
    partitions += [Partition(row, tuple(f"{row}/{column}" for column in COLUMNS)) for row in ROWS]
    partitions += [Partition(column, tuple(f"{row}/{column}" for row in ROWS)) for column in COLUMNS]
    return atoms, partitions


sizes = some.one_of(some.integers(0, 12), some.integers(0, 200))
tables = some.dictionaries(
    some.tuples(
        some.sampled_from(ROWS),
        some.sampled_from(COLUMNS),
        some.lists(some.sampled_from(FLAGS), unique=True, max_size=2).map(tuple),
    ),
    sizes,
    min_size=1,
    max_size=14,
).map(table)


@settings(max_examples=300, deadline=None)
@given(tables)
def test_nothing_that_is_withheld_is_a_combination_of_what_is_published(made):
    """Margins, cells and overlapping rules in one report: what a reader with a pencil tries."""
    atoms, partitions = made
    withheld = withheld_figures(atoms, partitions)
    attack = Attack(atoms, withheld)
    for name in withheld:
        assert not attack.derives(name), (name, attack.counts, withheld)


@settings(max_examples=150, deadline=None)
@given(tables)
def test_no_small_count_is_pinned_by_bounds_either(made):
    """Counts are not negative, which can say as much as an equation: a sum of two that is 0 says both."""
    atoms, partitions = made
    withheld = withheld_figures(atoms, partitions)
    attack = Attack(atoms, withheld)
    for name in withheld:
        if attack.counts[name] < LEAST_K:
            low, high = attack.range_of(name, least=1)
            assert high - low >= LEAST_K - 1, (name, low, high, attack.counts, withheld)


@settings(max_examples=300, deadline=None)
@given(some.lists(sizes, min_size=1, max_size=8))
def test_a_plain_table_leaves_every_small_cell_its_whole_range(counts):
    """Every cell that is there is 1 or more, and that is known: a rest of 2 would be 1 and 1."""
    atoms = Counter({("all", f"part{n}"): count for n, count in enumerate(counts) if count})
    assume(atoms)
    parts = tuple(f"part{n}" for n in range(len(counts)))
    withheld = withheld_figures(atoms, [Partition("all", parts)])
    assert {f"part{n}" for n, count in enumerate(counts) if 0 < count < LEAST_K} <= withheld
    if "all" in withheld:
        return
    hidden = [count for n, count in enumerate(counts) if f"part{n}" in withheld]
    if hidden:
        highest = sum(hidden) - (len(hidden) - 1)  # of any of them, the others being 1
        assert highest >= LEAST_K


def test_what_need_not_be_withheld_is_published():
    """A report that says nothing protects everybody and is of no use."""
    atoms = Counter({("all", "a"): 500, ("all", "b"): 300, ("all", "c"): 4})
    partition = Partition("all", ("a", "b", "c"))
    assert withheld_figures(atoms, [partition]) == {"b", "c"}
    assert withheld_figures(Counter({("all", "a"): 500, ("all", "b"): 300}), [partition]) == frozenset()


def test_a_rule_that_refused_nearly_all_tells_of_the_few_that_it_did_not():
    """995 of 1,000 and 1,000 are two large figures and one small one."""
    atoms = Counter({("refused", "rule"): 995, ("refused",): 5})
    assert withheld_figures(atoms) == {"rule"}


def test_the_threshold_is_the_operators_to_raise():
    """A report may be made for 50 as well."""
    atoms = Counter({("all", "a"): 40, ("all", "b"): 300, ("all", "c"): 900})
    partition = Partition("all", ("a", "b", "c"))
    assert withheld_figures(atoms, [partition]) == frozenset()
    assert withheld_figures(atoms, [partition], k=50) == {"a", "b"}


def test_the_same_atoms_in_another_order_are_withheld_alike():
    """Two people who compute a report get the same bytes."""
    cells = {("all", f"p{n}", f"q{n % 3}"): n * 3 + 1 for n in range(12)}
    one, other = dict(cells), dict(reversed(cells.items()))
    assert withheld_figures(one) == withheld_figures(other)
