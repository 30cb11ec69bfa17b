"""The bias-reduced sandwich CR2 with Satterthwaite degrees of freedom, for models with a working variance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr
from scipy.special import ellipj, ellipk

from bipstats.core.columns import Floats, Ints

_DENSE = 256  # rows of a cluster up to which its matrix is decomposed as it stands
_NULL = 1e-10  # share of its working variance below which a residual direction has none left
_ROUNDING = 1e-16


@dataclass(frozen=True, slots=True, eq=False)
class WorkingModel:
    r"""A linear model with the normal equations of an estimate, :math:`\sum_i d_i w_i (y_i - \mu_i) = 0`.

    Attributes
    ----------
    rows : callable
        Row numbers (m,) to the (m, q) derivatives :math:`d_i` of the mean in the parameters; columns beyond the
        first p belong to absorbed effects.
    residual : (n,) array
        Outcome less mean.
    weight : (n,) array
    variance : (n,) array
        Working variance :math:`\varphi_i` of the residuals, up to a common factor.
    bread : (q, q) array
        (Pseudo-)inverse of :math:`D' W D`.
    """

    rows: Callable[[Ints], Floats]
    residual: Floats
    weight: Floats
    variance: Floats
    bread: Floats

    @property
    def inverse(self) -> bool:
        """Whether the weights are the inverses of the working variances."""
        product = self.weight * self.variance
        return bool(np.allclose(product, product[:1], rtol=1e-12, atol=0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Adjusted:
    """A CR2 covariance.

    Attributes
    ----------
    matrix : (p, p) array
        In the working parameters.
    df : (k,) array
        Satterthwaite degrees of freedom of each contrast; NaN where no residual variation bears on it.
    """

    matrix: Floats
    df: Floats


def cr2(model: WorkingModel, group: Ints, contrasts: Floats) -> Adjusted:
    r"""Covariance with adjusted residuals, and degrees of freedom of contrasts.

    Parameters
    ----------
    model : WorkingModel
    group : (n,) integer array
        Codes 0..G-1.
    contrasts : (k, p) array
        Linear combinations of the working parameters.

    Notes
    -----
    The residuals of cluster g have the working covariance
    :math:`\Omega_g = ((I - H) \Phi (I - H)')_{gg}`, :math:`H = D M D'W`. They are multiplied by
    :math:`A_g = \Phi_g^{1/2} B_g^{+1/2} \Phi_g^{1/2}`,
    :math:`B_g = \Phi_g^{1/2} \Omega_g \Phi_g^{1/2}` (power :math:`-1/2`, zero in directions without variance), so that
    :math:`A_g \Omega_g A_g' = \Phi_g`. With :math:`z_g = A_g W_g D_g M c` the variance of :math:`c'\hat\beta` is the
    quadratic form :math:`\sum_g (z_g'e_g)^2`; its degrees of freedom :math:`(\mathrm{tr} P)^2 / \mathrm{tr} P^2` match
    the first two moments under the working model, :math:`P_{gh} = z_g' ((I - H) \Phi (I - H)')_{gh} z_h`.
    """
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    core, padded = _core(model, members), np.zeros((len(model.bread), len(contrasts)))
    padded[: contrasts.shape[1]] = contrasts.T
    direction = model.bread @ padded
    scores, own, pulls, plain = [], [], [], np.zeros(len(contrasts))
    for rows in members:
        derivative, variance = model.rows(rows), model.variance[rows]
        weighted = model.weight[rows, None] * derivative
        low = derivative if model.inverse else np.hstack([derivative, variance[:, None] * weighted])
        adjusted = adjust(variance, low, core, weighted)
        z = adjusted @ direction
        scores.append(adjusted.T @ model.residual[rows])
        own.append(variance @ z**2)
        plain += variance @ (weighted @ direction) ** 2
        pulls.append(low.T @ z)
    moved = np.array(scores) @ model.bread[:, : contrasts.shape[1]]
    df = _satterthwaite(np.array(own), np.array(pulls), core, plain)
    return Adjusted(moved.T @ moved, df)


def _core(model: WorkingModel, members: list[Ints]) -> Floats:
    r"""Matrix C of :math:`(I - H) \Phi (I - H)' = \Phi + L C L'`, with L = D, or [D, Phi W D] in general."""
    bread = model.bread
    if model.inverse:  # weights and variances may differ by a common factor: then H Phi is D M D' times it
        return -bread * (model.weight[0] * model.variance[0])
    spread = np.zeros_like(bread)
    for rows in members:
        derivative = model.rows(rows)
        spread += derivative.T @ (derivative * (model.weight[rows] ** 2 * model.variance[rows])[:, None])
    return np.block([[bread @ spread @ bread, -bread], [-bread, np.zeros_like(bread)]])


def _satterthwaite(own: Floats, pulls: Floats, core: Floats, plain: Floats) -> Floats:
    """(tr P)^2 / tr P^2 of P = diag(own) + pulls' core pulls: (G, k) and (G, r, k) to (k,).

    NaN where P is but rounding against the variance `plain` (k,) of unadjusted errors.
    """
    df = np.full(own.shape[1], np.nan)
    for j in range(own.shape[1]):
        moved = pulls[:, :, j] @ core
        quadratic = (moved * pulls[:, :, j]).sum(axis=1)
        cross = moved.T @ pulls[:, :, j]
        trace = float((own[:, j] + quadratic).sum())
        square = float((own[:, j] ** 2 + 2 * own[:, j] * quadratic).sum() + (cross * cross.T).sum())
        if trace > _ROUNDING * plain[j]:
            df[j] = trace**2 / square
    return df


def adjust(variance: Floats, low: Floats, core: Floats, block: Floats) -> Floats:
    r"""Multiply by :math:`\Phi^{1/2} B^{+1/2} \Phi^{1/2}`, :math:`B = \Phi^{1/2} (\Phi + L C L') \Phi^{1/2}`.

    Parameters
    ----------
    variance : (m,) array
        Diagonal of Phi.
    low : (m, r) array
        L.
    core : (r, r) array
        C, symmetric.
    block : (m, c) array
        What is multiplied.

    Notes
    -----
    B is the square of a diagonal matrix plus one of rank r. Small ones are decomposed. Of large ones
    :math:`B^{-1/2} = \frac{2}{\pi} \int_0^\infty (t^2 + B)^{-1} dt` is summed over the nodes of Hale, Higham &
    Trefethen (2008), whose error falls exponentially; each node costs one inverse of size r.
    """
    root = np.sqrt(variance)[:, None]
    low, block = root * low, root * block
    if len(variance) <= _DENSE:
        values, vectors = np.linalg.eigh(np.diag(variance**2) + low @ core @ low.T)
        alive = values > _NULL * variance.max() ** 2
        power = np.where(alive, np.where(alive, values, 1.0) ** -0.5, 0.0)
        return root * (vectors @ (power[:, None] * (vectors.T @ block)))
    return root * _inverse_root(variance**2, low, core, block)


def _inverse_root(diagonal: Floats, low: Floats, core: Floats, block: Floats) -> Floats:
    """(diag + L C L')^{+1/2} block, power -1/2, by quadrature."""
    null, smallest, largest = _spectrum(diagonal, low, core)
    block = block - null @ (null.T @ block)
    n_nodes = int(np.ceil(1.75 * (np.log(largest / smallest) + 6.0)))  # error below the machine's
    complement = 1.0 - smallest / largest
    quarter = float(ellipk(complement))
    sn, cn, dn, _ = ellipj((np.arange(n_nodes) + 0.5) * quarter / n_nodes, complement)
    total = np.zeros_like(block)
    for shift, weight in zip(smallest * (sn / cn) ** 2, dn / cn**2, strict=True):
        inverse = 1.0 / (diagonal + shift)[:, None]
        inner = np.eye(len(core)) + core @ (low.T @ (inverse * low))
        correction = low @ np.linalg.solve(inner, core @ (low.T @ (inverse * block)))
        total += weight * inverse * (block - correction)
    total *= 2 * quarter * np.sqrt(smallest) / (np.pi * n_nodes)
    return total - null @ (null.T @ total)


def _spectrum(diagonal: Floats, low: Floats, core: Floats) -> tuple[Floats, float, float]:
    """Null vectors of diag + L C L', and bounds of its other eigenvalues."""
    root = np.sqrt(diagonal)[:, None]
    basis, triangle = qr(low / root, mode="economic")
    values, vectors = np.linalg.eigh(triangle @ core @ triangle.T)
    dead = 1.0 + values <= _NULL
    least, most = diagonal.min(), diagonal.max()
    largest = most * (1.0 + max(0.0, values.max()))
    smallest = least * (1.0 + min(0.0, values[~dead].min(initial=0.0)))
    if not dead.any():
        return np.zeros((len(diagonal), 0)), smallest, largest
    null, _ = qr(basis @ vectors[:, dead] / root, mode="economic")
    return (
        null,
        smallest / (1.0 + most / least),
        largest,
    )  # the null vectors are no eigenvectors of the diagonal
