"""`simulate`: a study from a truth and a seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.random import Generator

from bipstats.errors import OptionError
from bipstats.synthetic import frames
from bipstats.synthetic.actions import caseworkers_under
from bipstats.synthetic.answers import answers, latent_beliefs
from bipstats.synthetic.counts import check_size
from bipstats.synthetic.exits import belief
from bipstats.synthetic.interventions import records
from bipstats.synthetic.latent import latent_frame
from bipstats.synthetic.measurement import days, pairs
from bipstats.synthetic.quantities import quantities
from bipstats.synthetic.register import weeks
from bipstats.synthetic.streams import streams
from bipstats.synthetic.truth import Truth
from bipstats.synthetic.world import World, action, make_world

if TYPE_CHECKING:
    from bipstats.study.study import Study


def simulate(
    truth: Truth | None = None,
    *,
    clients: int = 4000,
    rng: int | Generator | None = None,
    caseworkers_rng: int | Generator | None = None,
    do: Mapping[str, Any] | None = None,
    latent: bool = False,
) -> Study:
    r"""Simulate a study whose truth is known.

    Parameters
    ----------
    truth : Truth, optional
        World E2 if not given, in which belief is a cause and caseworkers differ: a choice that the published
        figures cannot settle. `scenarios` has others.
    clients : int
        Number of clients, at least 10.
    rng : int, Generator or None
        The same int gives the same study.
    caseworkers_rng : int, Generator or None
        A seed of the caseworkers' own: the same caseworkers (effects, orientation, caseloads, departures)
        with other clients for each `rng`, as long as there are as many of them. None: `rng` draws them too.
    do : mapping, optional
        A counterfactual with common random numbers. ``{"belief": 1}`` moves every latent belief by one step at
        all times; ``{"switches": "none"}`` leaves every client with the first caseworker;
        ``{"caseworkers": "effective"}`` gives every caseworker the mean own effect of the tenth with the largest,
        a number that one (log hazard); ``{"interventions": "job + other"}`` puts every client in that class in
        every quarter, with the caseworkers as they were; ``{"orientation": 1}`` moves every caseworker's
        orientation by one sd, ``"high"`` and ``"low"`` turn it to that half of the population. They can be
        combined.
    latent : bool
        Whether `Study.latent` holds the latent variables: a frame with a row per client and quarter.

    Returns
    -------
    Study
        With exactly ``2 * round(3.375 * clients)`` questionnaires, ``max(10, round(0.075 * clients))``
        caseworkers and the ten named job centres. `Study.truth` says what is true in it. With a randomised
        training (`Truth.training`) ``clients.trained`` says who was drawn.

    Raises
    ------
    OptionError
        If a size, the seed or the counterfactual is impossible.

    Notes
    -----
    Latent causes, noisy answers. Readiness :math:`a_{it}` drifts with the intervention class; true item scores
    :math:`y^*_{ikt}` load on it and on lasting and passing parts of their own; with step size :math:`c`,

    .. math::

        R_{it} &= \\sum_k g_k y^*_{ikt} / c, \\qquad
        B_{it} = c_R z(R_{it}) + c_X z(X_i\\delta) + s_o o_c + s_f p_{it}, \\\\
        \\log h_{it} &= \\alpha + \\tau t + R_{it} + X_i\\delta + \\text{centre} + u_c + \\beta B_{it} / b
          + \\lambda p_{it} + \\omega o_c + \\psi 2^{-(\\text{quarters since the last switch}) / l},

    where c is the caseworker in charge, and other exits compete. Answers 1 to 5 are cut from the latents plus
    the rater's use of the scale plus noise; they cause nothing. Hazards are constant within a quarter and
    change in the week of a switch; exits fall in exact weeks, which the register shows.

    All numbers come from one seeded PCG64 stream per stage. In a counterfactual study the days of the week of
    questionnaires may differ, which are drawn pair by pair; all else that is drawn is the same. Everything is
    synthetic: no figure in such a study is a result of BIP.

    Examples
    --------
    >>> import bipstats as bip
    >>> study = bip.simulate(clients=200, rng=1)
    >>> len(study.responses)
    1350
    >>> study.assignments["caseworker"].nunique()
    15
    """
    # Imported here: `Truth` and `scenarios` need no tables.
    from bipstats.study.study import Study

    if truth is None:
        truth = Truth()
    elif not isinstance(truth, Truth):
        raise OptionError(f"truth={truth!r} must be a bip.Truth, for example bip.scenarios()['N2'].")
    what = action(do)
    size = check_size(clients, truth)
    draws = streams(rng, caseworkers_rng)
    world = make_world(truth, size, draws, what)
    ids, names = frames.client_ids(size), frames.caseworker_ids(world.team)
    known = quantities(world)
    return Study(
        **_tables(world, draws, ids, names),
        truth=known,
        latent=latent_frame(world, ids, names) if latent else None,
    )


def _tables(world: World, draws: Mapping[str, Generator], ids: Any, names: Any) -> dict[str, Any]:
    """Make the five tables."""
    truth, persons, path, out = world.truth, world.persons, world.path, world.out
    team = caseworkers_under(world.team, world.action)
    chosen = pairs(truth, path, out, world.plan)
    latent = belief(truth, world.scale, persons, path, world.action.shift)
    faith = latent_beliefs(truth, world.scale, persons, team, latent, world.trial, chosen)
    given = answers(truth, persons, team, path, faith, chosen, draws["answers"])
    dates = days(truth, persons, chosen, draws["dates"])
    kept = records(truth, persons, path, out, draws["codes"])
    seen = weeks(truth, persons, path, out, world.hazards, draws)
    return {
        "clients": frames.clients(truth, persons, path, world.trial, ids),
        "responses": frames.responses(chosen, given, dates, ids, names),
        "assignments": frames.assignments(truth, persons, path, out, ids, names),
        "interventions": frames.interventions(truth, kept, ids),
        "register": frames.register(seen, ids),
    }
