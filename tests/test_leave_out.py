"""Variance of the effects of units by leaving blocks out: against refits without each block, and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from bipstats.models.kernels.leave_out import UnitProblem, leave_out


def problem(seed: int, *, covariates: int = 2, n: int = 60, units: int = 5) -> UnitProblem:
    """Units in two groups; blocks of one to three rows, some of them under two units."""
    draw = np.random.default_rng(seed)
    unit = np.concatenate([np.repeat(np.arange(units), 3), draw.integers(units, size=n - 3 * units)])
    block = np.concatenate(
        [np.arange(3 * units), draw.integers(3 * units, 3 * units + n // 2, n - 3 * units)]
    )
    return UnitProblem(
        draw.normal(size=n) + unit,
        draw.uniform(0.5, 2.0, n),
        draw.normal(size=(n, covariates)),
        unit,
        block,
        np.array([0, 0, 0, 1, 1])[:units],
    )


def by_refits(rows: UnitProblem) -> tuple[float, float]:
    """Plug-in and leave-out variance from the definition: a dense design and one refit per block."""
    m = len(rows.group)
    z = np.hstack([np.eye(m)[rows.unit], rows.x])
    total = np.bincount(rows.unit, rows.weight)
    share = total / total.sum()
    centre = np.eye(m)
    for group in np.unique(rows.group):
        own = rows.group == group
        centre -= np.outer(own, np.where(own, total, 0) / total[own].sum())
    quadratic = np.zeros((z.shape[1], z.shape[1]))
    quadratic[:m, :m] = centre.T @ np.diag(share) @ centre

    def fit(kept: np.ndarray) -> np.ndarray:
        root = np.sqrt(rows.weight[kept])[:, None]
        return np.linalg.lstsq(root * z[kept], root[:, 0] * rows.y[kept], rcond=None)[0]

    everyone = fit(np.ones(len(rows.y), bool))
    influence = np.linalg.inv(z.T @ (rows.weight[:, None] * z)) @ (z * rows.weight[:, None]).T
    spread = influence.T @ quadratic @ influence
    level, noise = np.average(rows.y, weights=rows.weight), 0.0
    for block in np.unique(rows.block):
        own = rows.block == block
        left = rows.y[own] - z[own] @ fit(~own)
        noise += (rows.y[own] - level) @ spread[np.ix_(own, own)] @ left
    plug_in = float(everyone @ quadratic @ everyone)
    return plug_in, plug_in - float(noise)


@pytest.mark.parametrize("covariates", [0, 2])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_the_definition_with_one_refit_per_block(seed, covariates):
    rows = problem(seed, covariates=covariates)
    found = leave_out(rows)
    assert_allclose((found.plug_in, found.variance), by_refits(rows), rtol=1e-9)


def test_units_of_equal_size_by_hand():
    """Variance of the means, less each unit's own variance over its rows, times 1 - 1 / m."""
    values = np.array([[1.0, 2.0, 3.0], [2.0, 2.0, 5.0], [7.0, 4.0, 4.0], [0.0, 1.0, 5.0]])
    unit = np.repeat(np.arange(4), 3)
    rows = UnitProblem(
        values.ravel(), np.ones(12), np.zeros((12, 0)), unit, np.arange(12), np.zeros(4, dtype=int)
    )
    expected = values.mean(axis=1).var() - (1 - 1 / 4) * (values.var(axis=1, ddof=1) / 3).mean()
    assert leave_out(rows).variance == pytest.approx(expected, rel=1e-12)


def test_it_has_no_bias_where_units_do_not_differ():
    """Errors with very different variances: the mean over draws is zero, that of the plug-in is not."""
    base, draw = problem(1), np.random.default_rng(5)
    scale = draw.uniform(0.2, 3.0, len(base.y))
    drawn = [
        leave_out(
            UnitProblem(
                scale * draw.normal(size=len(base.y)), base.weight, base.x, base.unit, base.block, base.group
            )
        )
        for _ in range(400)
    ]
    variance = np.array([one.variance for one in drawn])
    assert abs(variance.mean()) < 3 * variance.std() / 20
    assert np.mean([one.plug_in for one in drawn]) > 10 * variance.std() / 20


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), level=st.floats(-50, 50), factor=st.floats(0.1, 10))
def test_a_shift_changes_nothing_and_a_scale_its_square(seed, level, factor):
    rows = problem(seed)
    moved = UnitProblem(factor * rows.y + level, rows.weight, rows.x, rows.unit, rows.block, rows.group)
    before, after = leave_out(rows), leave_out(moved)
    assert_allclose(after.effect, factor * before.effect, atol=1e-8 * factor)
    assert after.variance == pytest.approx(factor**2 * before.variance, rel=1e-6, abs=1e-8)
    assert after.std_error == pytest.approx(factor**2 * before.std_error, rel=1e-6, abs=1e-8)
