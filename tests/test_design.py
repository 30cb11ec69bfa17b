"""Formulas to matrices: coding, names, what is refused, and the same matrix for the same rows later."""

import formulaic
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from bipstats.core.design import fit_design, formula_columns, split_formula
from bipstats.errors import ModelError


@pytest.fixture
def data():
    draw = np.random.default_rng(4)
    n = 60
    return pd.DataFrame(
        {
            "age": draw.normal(45, 8, n),
            "score": pd.array(draw.integers(1, 6, n), dtype="Int8"),
            "flag": pd.array(draw.random(n) < 0.4, dtype="boolean"),
            "sex": pd.Categorical(draw.choice(["female", "male"], n), ["female", "male", "other"]),
            "centre": draw.choice(["Vejen", "Aarhus", "Faxe"], n),
        }
    )


def test_names_are_ours_in_formula_order(data):
    design, matrix = fit_design("score + sex * age + C(centre) + flag + I(age ** 2 >= 2000) + log(age)", data)
    assert design.names == (
        "score",
        "sex[male]",
        "age",
        "sex[male]:age",
        "centre[Faxe]",
        "centre[Vejen]",
        "flag",
        "I(age ** 2 >= 2000)",
        "log(age)",
    )
    assert design.references == {"sex": "female", "centre": "Aarhus"}
    assert design.columns == ("score", "sex", "age", "centre", "flag")
    assert_allclose(matrix[:, 0], data["score"].astype(float))
    assert_allclose(matrix[:, 1], data["sex"] == "male")
    assert_allclose(matrix[:, 3], (data["sex"] == "male") * data["age"])
    assert_allclose(matrix[:, 6], data["flag"].astype(float))
    assert_allclose(matrix[:, 7], data["age"] ** 2 >= 2000)


@pytest.mark.parametrize(
    "rhs",
    [
        "age + C(centre)",
        "C(centre):age",
        "sex:C(centre)",
        "C(centre) + sex:C(centre)",
        "bs(age, df=4) * flag",
    ],
)
def test_the_column_space_is_formulaics(data, rhs):
    """Another coding may order columns otherwise; with the intercept it must span the same space."""
    data["sex"] = data["sex"].cat.remove_unused_categories()
    data["flag"], data["score"] = data["flag"].astype(float), data["score"].astype(float)
    _, matrix = fit_design(rhs, data)
    ours = np.column_stack([np.ones(len(data)), matrix])
    theirs = formulaic.model_matrix(rhs, data).to_numpy(float)
    rank = np.linalg.matrix_rank(ours)
    assert rank == np.linalg.matrix_rank(theirs) == np.linalg.matrix_rank(np.column_stack([ours, theirs]))


def test_an_interaction_without_main_effects_keeps_all_levels(data):
    design, matrix = fit_design("C(centre):age", data)
    assert design.names == ("centre[Aarhus]:age", "centre[Faxe]:age", "centre[Vejen]:age")
    assert_allclose(matrix.sum(axis=1), data["age"])


def test_later_rows_get_the_fits_levels_and_knots(data):
    design, matrix = fit_design("C(centre) + bs(age, df=4)", data)
    assert_allclose(design.matrix(data), matrix)
    one = data.iloc[[7]]
    assert_allclose(design.matrix(one), matrix[[7]])
    with pytest.raises(ModelError, match="levels that the fit has not seen: Thisted"):
        design.matrix(one.assign(centre="Thisted"))
    with pytest.raises(ModelError, match="1 of 1 rows have missing values"):
        design.matrix(one.assign(age=np.nan))


REFUSED = {
    "a minus": ("age - flag", "uses '-'"),
    "a power": ("age^2", r"uses '\^'"),
    "no intercept": ("0 + age", "leave bare numbers out"),
    "a foreign call": ("np.exp(age)", "is not understood"),
    "an import": ("__import__('os')", "is not understood"),
    "an attribute": ("I(age.values)", "cannot be used"),
    "a call inside I": ("I(exec(age))", "cannot be used|no column"),
    "contrasts": ("C(centre, Treatment)", "takes one column"),
    "brackets": ("(age + flag", "cannot be read|is not a factor"),
    "unknown column": ("agee", "did you mean 'age'"),
    "log of zero": ("log(flag)", "needs values above zero"),
    "infinite": ("I(1 / flag)", "not finite"),
    "one level": ("C(one)", "one level only"),
    "text in arithmetic": ("I(centre * 2)", "must hold numbers; it holds labels"),
}


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused(data, name):
    rhs, message = REFUSED[name]
    with pytest.raises(ModelError, match=message):
        fit_design(rhs, data.assign(one="x"))


def test_splitting_and_columns():
    assert split_formula("y ~ a + b", two_sided=True) == ("y", "a + b")
    assert split_formula("a + b", two_sided=False) == (None, "a + b")
    assert formula_columns("a * C(b) + I(c + d > 2) + bs(e, df=3)") == ("a", "b", "c", "d", "e")
    for text, two_sided in (("y ~ ", True), ("a", True), ("", False), ("y ~ a", False)):
        with pytest.raises(ModelError):
            split_formula(text, two_sided=two_sided)
