"""Instruments: reduced form, Anderson-Rubin regions and UJIVE, against hand computation and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bipstats.models.kernels import instrument


def _data(seed: int, n: int = 60, groups: int = 12, strength: float = 1.0):
    rng = np.random.default_rng(seed)
    group = np.sort(rng.permutation(np.arange(n) % groups))
    controls = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    shared = rng.normal(size=n)
    d = strength * rng.normal(size=groups)[group] + controls[:, 1] + shared
    y = 0.5 * d + controls[:, 2] - shared + rng.normal(size=n)
    return y, d, group, controls


def test_ratio_by_hand() -> None:
    # z = -1, -1, 1, 1 and a constant: d moves by 2 between the halves, y by 3.
    z = np.array([-1.0, -1.0, 1.0, 1.0])
    d = np.array([0.0, 2.0, 2.0, 4.0])
    y = np.array([1.0, 0.0, 4.0, 3.0])
    found = instrument.just_identified(y, d, z, np.ones((4, 1)), np.arange(4))
    assert_allclose([found.reduced, found.first, found.estimate], [1.5, 1.0, 1.5])
    # Residuals of d: -1, 1, -1, 1; of y: .5, -.5, .5, -.5; scores over z'z = 4: sums of squares 4/16, 1/16, -2/16.
    assert_allclose(found.covariance, [[1 / 16, -2 / 16], [-2 / 16, 4 / 16]])
    assert_allclose(found.f, 1 / (4 / 16))
    # Delta method: V_yy - 2 b V_yd + b^2 V_dd over the first stage squared.
    assert_allclose(found.std_error**2, (1 / 16) + 3 * 2 / 16 + 2.25 * 4 / 16)


@pytest.mark.parametrize("strength", [2.0, 0.25, 0.0])
def test_anderson_rubin_region_is_what_the_test_does_not_reject(strength: float) -> None:
    shapes = set()
    for seed in range(30):
        y, d, group, controls = _data(seed, strength=strength)
        z = instrument.residuals(d, controls) * strength + np.random.default_rng(seed).normal(size=len(d))
        found = instrument.just_identified(y, d, z, controls, group)
        region = instrument.anderson_rubin(found, 3.841459)
        shapes.add(region.shape)
        grid = np.concatenate([np.linspace(-40, 40, 4001), [-1e6, 1e6]])
        v = found.covariance
        kept = (found.reduced - grid * found.first) ** 2 <= 3.841459 * (
            v[0, 0] - 2 * grid * v[0, 1] + grid**2 * v[1, 1]
        )
        between = (grid >= region.low) & (grid <= region.high)
        inside = {"bounded": between, "two rays": ~between, "whole line": np.ones(len(grid), dtype=bool)}
        assert (inside[region.shape] == kept).all()
    assert shapes == {"bounded"} if strength == 2 else "bounded" not in shapes or len(shapes) > 1


def test_leave_out_fits_are_those_of_regressions_without_the_row() -> None:
    _, d, group, controls = _data(3)
    whole = np.column_stack([controls, np.eye(12)[group]])
    for given, regressors in ((None, controls), (group, whole)):
        found = instrument.left_out(d, controls, given)
        for row in range(len(d)):
            others = np.arange(len(d)) != row
            slopes = np.linalg.lstsq(regressors[others], d[others], rcond=None)[0]
            assert_allclose(found[row], regressors[row] @ slopes, atol=1e-9)


def test_rows_that_are_fitted_whatever_they_are_have_no_leave_out_fit() -> None:
    found = instrument.left_out(np.arange(5.0), np.ones((5, 1)), np.array([0, 0, 1, 2, 2]))
    assert np.isnan(found).tolist() == [False, False, True, False, False]
    assert_allclose(found[[0, 1, 3, 4]], [1, 0, 4, 3])


def test_ujive_agrees_with_kolesars_formula_written_out() -> None:
    """Kolesár (2013): (I - D_zw)^-1 (H_zw - D_zw) - (I - D_w)^-1 (H_w - D_w), with whole matrices."""
    y, d, group, controls = _data(5)
    whole = np.column_stack([controls[:, 1:], np.eye(12)[group]])

    def jackknifed(x: np.ndarray) -> np.ndarray:
        hat = x @ np.linalg.inv(x.T @ x) @ x.T
        own = np.diag(np.diag(hat))
        return np.linalg.inv(np.eye(len(x)) - own) @ (hat - own)

    g = jackknifed(whole) - jackknifed(controls)
    found = instrument.ujive(y, d, group, controls)
    assert_allclose(found.estimate, (d @ g.T @ y) / (d @ g.T @ d), rtol=1e-10)
    annihilator = np.eye(len(y)) - controls @ np.linalg.inv(controls.T @ controls) @ controls.T
    error = annihilator @ (y - found.estimate * d)
    sums = np.array([((g @ d) * error)[group == k].sum() for k in range(12)])
    assert_allclose(found.std_error, np.sqrt(np.sum(sums**2)) / abs(d @ g.T @ d), rtol=1e-10)


def test_ujive_is_right_where_least_squares_is_not() -> None:
    """Mean over 200 data sets with 40 groups of 6: true slope 0.5; what they share pulls least squares to about 0."""
    found, plain = [], []
    for seed in range(200):
        y, d, group, controls = _data(seed, n=240, groups=40)
        found.append(instrument.ujive(y, d, group, controls).estimate)
        plain.append(instrument.least_squares(y, d, controls, group).estimate)
    assert abs(np.mean(found) - 0.5) < 3 * np.std(found) / np.sqrt(200)
    assert np.mean(plain) < 0.15


def test_least_squares_is_that_of_statsmodels() -> None:
    import statsmodels.api as sm

    y, d, group, controls = _data(7)
    fit = sm.OLS(y, np.column_stack([d, controls])).fit(
        cov_type="cluster", cov_kwds={"groups": group, "use_correction": False}
    )
    found = instrument.least_squares(y, d, controls, group)
    assert_allclose([found.estimate, found.std_error], [fit.params[0], fit.bse[0]], rtol=1e-10)
