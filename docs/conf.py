"""Sphinx configuration. The build needs no network: no intersphinx, no remote fonts."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

import bipstats

# For the kernels of the pages: with any backend but their own they show no figure, two with all threads each are slower
# than with one, and the notebooks' exercises are checked by a module beside them.
os.environ.pop("MPLBACKEND", None)
os.environ["OPENBLAS_NUM_THREADS"] = "1"
_beside = [str(Path(__file__).parent.parent / "notebooks"), os.environ.get("PYTHONPATH", "")]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, _beside))

project = "bipstats"
version = release = bipstats.__version__
language = "en"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
]
exclude_patterns = ["_build"]
nitpicky = True  # a reference to what does not exist is a warning, and a warning an error
templates_path = ["_templates"]

# Pages with {code-cell} are run while the site is built: their figures are what the code gives.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_execution_show_tb = True
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's Parameters say the types
numpydoc_show_class_members = False

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "bipstats"
html_static_path = ["_static"]
html_css_files = ["bipstats.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"index": [], "five-minutes": [], "limits": [], "**": ["sidebar-nav-bs"]}
html_context = {"default_mode": "auto"}
html_theme_options = {
    "show_prev_next": True,
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 8,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "show_nav_level": 1,
    "show_toc_level": 2,
}


def _copy_notebooks() -> None:
    """Bring the notebooks into the tree of pages; links to pages are written as seen from `notebooks/`."""
    here = Path(__file__).parent
    for old in (here / "notebooks").glob("*.ipynb"):
        old.unlink()
    for notebook in sorted((here.parent / "notebooks").glob("*.ipynb")):
        text = notebook.read_text(encoding="utf-8")
        copy = here / "notebooks" / notebook.name
        copy.write_text(re.sub(r"\]\(\.\./docs/", "](../", text), encoding="utf-8")
        shutil.copystat(notebook, copy)


_copy_notebooks()


def setup(app: Any) -> dict[str, bool]:
    """Render formulas as MathML: no script, and nothing fetched when a page is read."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(self: Any, node: Any) -> None:
    self.body.append(_mathml(node))
    raise SkipNode


def _display(self: Any, node: Any) -> None:
    self.body.append(f'<div class="math">{_mathml(node, as_block=True)}</div>')
    raise SkipNode


def _mathml(node: Any, as_block: bool = False) -> str:
    """A formula; one that cannot be read is a warning with its place, and the warning an error."""
    try:
        return tex2mathml(node.astext(), as_block=as_block)
    except MathError as error:
        logging.getLogger(__name__).warning("formula: %s", error, location=node)
        return ""
