"""Plots are shown by notebooks, and pyplot never hears of them."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import bipstats as bip
from bipstats.plotting import new_axes

PNG = b"\x89PNG"


def test_what_plot_gives_is_axes_that_a_notebook_shows():
    axes = bip.e_value(1.8).plot()
    assert isinstance(axes, Axes) and isinstance(axes.figure, Figure)
    assert axes._repr_png_()[:4] == PNG
    assert axes.figure._repr_png_()[:4] == PNG
    assert plt.get_fignums() == []


def test_the_picture_is_all_of_the_figure():
    """Two axes side by side are one picture."""
    study = bip.simulate(clients=60, rng=1)
    axes = bip.progression.profile(study, study.clients["client"].iloc[0]).plot()
    assert axes._repr_png_()[:4] == PNG


def test_a_figure_of_the_users_own_is_left_to_them():
    figure = Figure()
    given = figure.subplots()
    assert bip.e_value(1.8).plot(ax=given) is given
    assert not hasattr(given, "_repr_png_")


def test_size_is_as_asked():
    assert new_axes(3.0, 2.0).figure.get_size_inches().tolist() == [3.0, 2.0]
