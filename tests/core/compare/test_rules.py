"""How sure one must be, checked against counting."""

from itertools import combinations
from math import comb
from random import Random

import pytest

from canary.core.compare.rules import FIRM, LOOSE, by_chance


@pytest.mark.parametrize(("k", "of_new", "of_old"), [(1, 1, 1), (2, 3, 4), (3, 3, 3), (2, 5, 1), (1, 2, 7)])
def test_chance_is_what_counting_says(k: int, of_new: int, of_old: int) -> None:
    """The probability that all marks fall to new, by listing every way to put them, but at least one half to the k."""
    cases = range(of_new + of_old)
    ways = [marks for marks in combinations(cases, k) if all(mark < of_new for mark in marks)]
    listed = len(ways) / comb(of_new + of_old, k)
    assert by_chance(k, of_new, of_old) == pytest.approx(max(listed, 0.5**k))


def test_three_cases_make_a_firm_difference_and_seventeen_a_loose_one() -> None:
    """What the documentation says of the two bounds."""
    assert by_chance(2, 2, 100) > FIRM >= by_chance(3, 3, 3)
    assert by_chance(16, 16, 1000) > LOOSE >= by_chance(17, 17, 17)


def test_without_a_case_on_old_everything_may_be_chance() -> None:
    """Where old never had the chance to show it, nothing is a difference."""
    assert by_chance(1000, 1000, 0) == 1


def test_looking_at_each_case_does_not_add_up() -> None:
    """A rare value crosses the bound at any time with at most the bound's own probability."""
    random, crossed, runs = Random(1), 0, 4000
    for _ in range(runs):
        k = of_new = of_old = 0
        while True:
            on_new, rare = random.random() < 0.5, random.random() < 0.2
            of_new, of_old = of_new + on_new, of_old + (not on_new)
            if rare and not on_new:
                break
            k += rare
            if k and by_chance(k, of_new, of_old) <= FIRM:
                crossed += 1
                break
    assert crossed / runs <= FIRM + 3 * (FIRM / runs) ** 0.5
