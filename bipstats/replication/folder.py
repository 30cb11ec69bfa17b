"""A report as a folder: the page, the ledger, the figures and everything once more for machines."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bipstats import __version__
from bipstats.codebook.files import check_language
from bipstats.codebook.keys import Language
from bipstats.errors import OptionError
from bipstats.plotting import not_shown
from bipstats.replication import pictures
from bipstats.replication.drawing import own_ids
from bipstats.replication.figures import forest_data, incidence_curves, published_against_estimate
from bipstats.replication.machine import as_data

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bipstats.replication.result import Replication

PAGE, LEDGER, DETAILS, RESULT, FIGURES = "index.html", "ledger.csv", "details.csv", "result.json", "figures"
MARK = ".bipstats-report"
"""File that says that a folder holds a report, and which files are the report's."""

_DPI = 160


def check_out(out: Path, force: bool = False, how: str = "force=True") -> None:
    """Refuse a folder that a report must not or cannot be written to; made for before the long work.

    Parameters
    ----------
    out : path
    force : bool
        Whether a folder that holds other files may be used.
    how : str
        How the caller would force it, for the message.

    Raises
    ------
    OptionError
        The path is a file, the folder holds files that are no report's, or nothing can be written there.
    """
    if out.exists() and not out.is_dir():
        raise OptionError(f"{out} is a file; a report is a folder. Name another.")
    if out.is_dir() and not force and not (out / MARK).is_file() and any(out.iterdir()):
        raise OptionError(
            f"{out} holds files that are not from an earlier report. Name another folder, or write there all the same "
            f"with {how} (only the report's own files are replaced)."
        )
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as problem:
        why = problem.strerror or str(problem)
        raise OptionError(
            f"nothing can be written to {there} ({why}); name a folder that you may write to."
        ) from None


def write_folder(replication: Replication, out: Path, lang: Language = "en", force: bool = False) -> Path:
    """Write the report and give the path of its page; files of an earlier report that it lacks are removed.

    Parameters
    ----------
    replication : Replication
    out : path
    lang : {"en", "sv", "da"}
    force : bool
    """
    from bipstats.replication.page import render

    check_language(lang)
    check_out(out, force)
    page = render(replication, lang)
    drawings = dict(figures(replication, lang))
    (out / FIGURES).mkdir(parents=True, exist_ok=True)
    files = [PAGE, LEDGER, DETAILS, RESULT]
    files += [f"{FIGURES}/{name}.{kind}" for name in drawings for kind in ("png", "svg")]
    _remove(out, set(files))
    (out / MARK).write_text("\n".join([f"bipstats {__version__}", *files, ""]), encoding="utf-8")
    (out / PAGE).write_text(page, encoding="utf-8", newline="\n")
    for name, frame in ((LEDGER, replication.table), (DETAILS, replication.details)):
        frame.to_csv(out / name, index=False, encoding="utf-8", lineterminator="\n")
    text = json.dumps(as_data(replication), ensure_ascii=False, allow_nan=False, indent=1)
    (out / RESULT).write_text(text + "\n", encoding="utf-8", newline="\n")
    for name, draw in drawings.items():
        _save(draw, out / FIGURES / name)
    return out / PAGE


def figures(replication: Replication, lang: Language = "en") -> Iterator[tuple[str, Callable[[], Axes]]]:
    """Name every figure that the study can give, with what draws it on axes of its own."""
    ratios = forest_data(replication.table, lang)
    drawn = {
        "forest": (ratios, published_against_estimate),
        "incidence": (replication.incidence, incidence_curves),
        "caterpillar": (replication.caterpillar, pictures.caterpillar),
        "thought-experiment": (replication.thought_experiment, pictures.thought_experiment),
        "classes": (replication.classes, pictures.classes),
        "indicators": (replication.indicators, pictures.indicators),
    }
    for name, (frame, draw) in drawn.items():
        if len(frame):
            yield name, lambda frame=frame, draw=draw: draw(frame, None, lang)  # type: ignore[misc]


def _save(draw: Callable[[], Axes], path: Path) -> None:
    """One figure for screens and documents, and once more as a drawing; without dates and random ids."""
    figure = cast("Figure", draw().get_figure())
    not_shown(figure)
    figure.savefig(path.with_suffix(".png"), dpi=_DPI, bbox_inches="tight", metadata={"Software": None})
    drawing = StringIO()
    figure.savefig(drawing, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    text = own_ids(drawing.getvalue(), path.name)
    path.with_suffix(".svg").write_text(text, encoding="utf-8", newline="\n")


def _remove(out: Path, kept: set[str]) -> None:
    """Remove what an earlier report wrote and this one does not; nothing outside the folder, whatever the mark says."""
    mark = out / MARK
    names = mark.read_text(encoding="utf-8").splitlines()[1:] if mark.is_file() else []
    own = (out.resolve(), (out / FIGURES).resolve())
    for name in names:
        path = out / name
        if name and name not in kept and path.is_file() and path.resolve().parent in own:
            path.unlink()
