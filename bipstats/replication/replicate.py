"""`replicate`: every published figure beside its estimate on a study."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from bipstats.caseworkers.effectiveness import check_count
from bipstats.codebook import sampling_error
from bipstats.core.progress import progress as bar
from bipstats.errors import OptionError
from bipstats.replication.analyses import ANALYSES, estimate
from bipstats.replication.estimate import FEWEST, Estimate, Quantities, Unavailable, without_few
from bipstats.replication.frames import Prepared
from bipstats.replication.glance import glance
from bipstats.replication.incidence import by_first_belief
from bipstats.replication.ledger import calibration, ledger
from bipstats.replication.recipes import recipes
from bipstats.replication.result import Replication
from bipstats.replication.sections import sections
from bipstats.replication.status import status
from bipstats.replication.tables import tables
from bipstats.replication.targets import targets
from bipstats.seeds import check_rng
from bipstats.study.study import Study

_SEED = 15


def replicate(
    study: Study,
    *,
    draws: int = 500,
    rng: int | Generator | None = _SEED,
    jobs: int | None = None,
    progress: bool | None = None,
) -> Replication:
    r"""Estimate every published figure of BIP on a study and set the two side by side.

    Parameters
    ----------
    study : Study
    draws : int, default 500
        Resamples of caseworkers and of their clients' entries: for the intervals of E12 to E15, the thought experiment
        and the ranks of caseworkers. Nothing else is resampled.
    rng : int, numpy.random.Generator or None, default 15
        A whole number gives the same report every time; None: other draws each time, with the seed in the result.
    jobs : int, optional
        Workers for the draws, -1 for all cores; the numbers do not depend on it.
    progress : bool, optional
        Draw a progress bar on stderr; None: only on a terminal or in a notebook.

    Returns
    -------
    Replication
        ``.table``, ``.details``, ``.summary()``, ``.plot()``, ``.to_html(path)``.

    Raises
    ------
    OptionError
        If `study` is no Study; a folder is read by `bip.read_study` first. Or `draws` or `rng` has no meaning.

    Notes
    -----
    With d = log 1.15 for ratios (shares: half a printed digit and one point) and s_B the assumed sampling
    error of a study of BIP's size (`bipstats.codebook.sampling_error`; none is published):

    - ``matches``: the 90 % interval lies within published ± d;
    - ``compatible``: not that, but :math:`|estimate - published| \le 1.96 \sqrt{se^2 + s_B^2}`;
    - ``conflicts``: otherwise;
    - ``sign agrees``, ``sign open``, ``sign contradicts``: by a simultaneous 95 % interval;
    - ``about zero``: two one-sided tests, within .03 standard deviations per quarter;
    - ``depends on definition``: one admissible definition agrees and another does not;
    - ``not comparable``, ``not estimated``: the note says why.

    On a study from a packaged world, with nothing intervened on, ``calibrated:`` stands before the verdict on
    every figure that the generator was calibrated to: agreement by construction, which tests the software and
    not BIP. On other simulated studies the verdicts stand as they are, and say nothing about BIP either.

    Examples
    --------
    >>> import bipstats as bip
    >>> result = bip.replicate(bip.simulate(clients=400, rng=1))
    >>> result.table.set_index("id").loc["E13", "verdict"]
    'not comparable'
    """
    if not isinstance(study, Study):
        raise OptionError(
            f"study={study!r} must be a Study: bip.read_study(folder) reads one from files, "
            "bip.load_synthetic() gives the packaged one."
        )
    check_count("draws", draws)
    prepared = Prepared(study, draws, _seed(rng), jobs)
    quantities: Quantities = {}
    for made in bar(estimate(prepared), len(ANALYSES), "replicate", progress):
        quantities.update({name: _of_enough(found, len(study.clients)) for name, found in made.items()})
    known = sampling_error()
    errors = dict(zip(known["quantity"], known["sd"], strict=True))
    table, details = ledger(quantities, errors, study.truth)
    calibrated, world = calibration(study.truth)
    frames, readings, reasons = sections(prepared, quantities, progress)
    return Replication(
        table=table,
        details=details,
        simulated=study.truth is not None,
        glance=glance(prepared),
        incidence=by_first_belief(study),
        calibrated=calibrated,
        world=world,
        **frames,
        models=tables(prepared.tables, quantities),
        code=recipes(table, prepared.draws, prepared.seed),
        assumptions={row.id: row.assumes for row in targets() if row.assumes},
        status=status(table),
        readings=readings,
        reasons=reasons,
        draws=prepared.draws,
        seed=prepared.seed,
    )


def _of_enough(found: Estimate | Unavailable, clients: int) -> Estimate | Unavailable:
    """Hold back what rests on one to four clients: a share of so few says something about each."""
    if isinstance(found, Unavailable):
        return found
    if min(found.n, clients) < FEWEST:
        unit = found.unit if found.n < FEWEST else "clients"
        return Unavailable(f"it rests on fewer than five {unit} and is not shown")
    return replace(found, note=without_few(found.note))


def _seed(rng: int | Generator | None) -> int:
    """A whole number that stands for the draws, so that the report can say how to repeat them."""
    check_rng(rng)
    if isinstance(rng, Generator) or rng is None:
        return int(np.random.default_rng(rng).integers(2**31))
    return int(rng)
