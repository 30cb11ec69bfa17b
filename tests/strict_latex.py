"""Reads LaTeX as strictly as a table for a paper needs: environments, braces, columns, and no mark left unescaped."""

from __future__ import annotations

import re

COMMANDS = {
    "begin", "end", "toprule", "midrule", "bottomrule", "centering", "caption", "label", "par", "smallskip", "noindent",
    "footnotesize", "raggedright", "linewidth", "textasciitilde", "textasciicircum", "textbackslash", "textless",
    "textgreater", "textbar", "ldots",
}  # fmt: skip
MATHS = {"times", "pm", "le", "ge", "approx", "ne", "cdot", "infty", "to", "surd", "circ"} | {
    "alpha", "beta", "gamma", "delta", "Delta", "theta", "kappa", "lambda", "mu", "rho", "sigma", "tau", "chi", "omega",
}  # fmt: skip
_TOKEN = re.compile(r"\\([a-zA-Z]+)|\\(.)|(.)", re.DOTALL)


def problems(text: str) -> list[str]:
    """What would stop LaTeX, or be printed as something else."""
    body = "\n".join(line for line in text.splitlines() if not line.startswith("% "))
    return [*_environments(body), *_marks(body), *_columns(body)]


def _environments(body: str) -> list[str]:
    found, open_ = [], []
    for what, name in re.findall(r"\\(begin|end)\{(\w+)\}", body):
        if what == "begin":
            open_.append(name)
        elif not open_ or open_.pop() != name:
            found.append(f"\\end{{{name}}} closes nothing")
    return found + [f"{name} stays open" for name in open_]


def _marks(body: str) -> list[str]:
    found, depth, maths = [], 0, False
    for command, escaped, sign in _TOKEN.findall(body):
        if command and command not in (MATHS if maths else COMMANDS):
            found.append(f"unknown \\{command}")
        elif escaped and escaped not in "&%#_${}\\,`":
            found.append(f"unknown \\{escaped}")
        elif sign == "$":
            maths = not maths
        elif sign and sign in "{}":
            depth += 1 if sign == "{" else -1
        elif sign and (sign in '%#|<>"' or (sign in "_^" and not maths)):
            found.append(f"bare {sign}")
        elif sign and ord(sign) > 127 and not ("À" <= sign <= "ſ" or sign in "§"):
            found.append(f"{sign!r} is no letter")
        if depth < 0:
            found.append("a brace closes nothing")
    return found + ["braces do not balance"] * (depth != 0) + ["mathematics stays open"] * maths


def _columns(body: str) -> list[str]:
    found = []
    for align, table in re.findall(r"\\begin\{tabular\}\{([lcr]+)\}(.*?)\\end\{tabular\}", body, re.DOTALL):
        for row in re.split(r"\\\\\n?", table)[:-1]:
            cells = re.sub(r"\\(top|mid|bottom)rule|\n", "", row)
            if len(re.findall(r"(?<!\\)&", cells)) != len(align) - 1:
                found.append(f"{row.strip()!r} has not {len(align)} columns")
            if cells.lstrip().startswith(("[", "*")):
                found.append(f"{row.strip()!r} opens as an option of the row before")
    return found + ["no tabular"] * ("tabular" not in body)
