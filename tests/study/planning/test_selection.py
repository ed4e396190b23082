"""Kim and Nelson's procedure chooses the cheapest as often as it says, and leaves the clearly dear out early."""

from __future__ import annotations

import numpy as np
import pytest

from sim.study.planning.selection import Selection, cheapest


def chosen(
    means: list[float], seed: int, *, shared: float = 0.0, error: float = 0.1, most: int = 4000
) -> Selection:
    """A choice among normal costs of variance 1, of which the share `shared` is common to all."""
    random = np.random.default_rng(seed)
    common = random.normal(size=most)
    own = random.normal(size=(len(means), most))
    costs = np.array(means)[:, None] + np.sqrt(shared) * common + np.sqrt(1.0 - shared) * own
    return cheapest(
        lambda place, many: costs[place, :many], len(means), indifference=0.3, error=error, most=most
    )


def test_it_is_right_as_often_as_it_says() -> None:
    # The least favourable case: all others dearer by just the indifference zone. Of 200 choices with an error of 10 %
    # or less, more than 37 wrong ones come once in ten thousand studies.
    means = [0.3, 0.3, 0.0, 0.3, 0.3]
    found = [chosen(means, seed) for seed in range(200)]
    assert sum(one.best != 2 for one in found) <= 37
    assert all(one.sure for one in found)


def test_common_random_numbers_make_it_quicker() -> None:
    alone = [chosen([0.0, 0.3, 0.3], seed).replications for seed in range(30)]
    shared = [chosen([0.0, 0.3, 0.3], seed, shared=0.9).replications for seed in range(30)]
    assert sum(shared) < 0.5 * sum(alone)


def test_what_is_clearly_dear_is_left_out_at_the_first_look() -> None:
    found = chosen([0.0, 50.0, 0.3, 60.0], 7)
    assert found.drawn[1] == found.drawn[3] == 10
    assert found.drawn[found.best] > 10


def test_what_is_dearer_by_far_and_varies_much_is_left_out_soon() -> None:
    random = np.random.default_rng(7)
    costs = np.array([[0.0], [300.0]]) + np.array([[0.1], [100.0]]) * random.normal(size=(2, 4000))
    found = cheapest(lambda place, many: costs[place, :many], 2, indifference=0.01, error=0.05, most=4000)
    assert (found.best, found.sure) == (0, True)
    assert found.replications <= 40


def test_equals_cannot_be_told_apart_and_it_says_so() -> None:
    costs = [[1.0, 2.0], [2.0, 1.0]]
    found = cheapest(
        lambda place, many: costs[place] * (many // 2), 2, indifference=1e-6, error=0.05, most=40
    )
    assert not found.sure
    assert set(found.left) == {0, 1}
    assert found.best == 0  # the first of equals


def test_those_that_never_differ_are_one_and_the_same() -> None:
    found = cheapest(lambda _, many: [1.0, 2.0] * (many // 2), 3, indifference=1e-6, error=0.05, most=40)
    assert (found.best, found.left, found.sure) == (0, (0,), True)


@pytest.mark.parametrize("number", [1, 2])
def test_one_alone_is_chosen_at_once(number: int) -> None:
    found = cheapest(
        lambda place, many: [float(place)] * many, number, indifference=0.1, error=0.05, most=100
    )
    assert (found.best, found.replications, found.sure) == (0, 10, True)
