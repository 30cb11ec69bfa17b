"""Nothing that is read can run code, nothing touches the network, and the import is light."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import bipstats as bip

PACKAGE = Path(bip.__file__).parent
FILES = {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*.py"))}

CODE = {"eval", "exec", "compile", "__import__", "query", "read_pickle", "to_pickle", "os.system", "os.popen"}
"""Calls that make code of text or run programs; `DataFrame.query` and `.eval` do."""
UNPICKLING = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "marshal",
    "shelve",
    "code",
    "codeop",
    "runpy",
    "ctypes",
}
NETWORK = {
    "socket", "ssl", "http", "urllib", "urllib3", "requests", "httpx", "aiohttp", "ftplib", "smtplib", "telnetlib",
    "xmlrpc", "socketserver", "asyncio", "webbrowser", "subprocess",
}  # fmt: skip
HEAVY = {
    "numpy",
    "pandas",
    "scipy",
    "matplotlib",
    "statsmodels",
    "lifelines",
    "formulaic",
    "pyarrow",
    "joblib",
}


def called(tree: ast.AST) -> set[str]:
    """Names of everything that is called, dotted ones whole and by their last part."""
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    plain = {one.id for one in functions if isinstance(one, ast.Name)}
    dotted = {one for one in functions if isinstance(one, ast.Attribute) and ast.unparse(one) != "re.compile"}
    return plain | {one.attr for one in dotted} | {ast.unparse(one) for one in dotted}


def imported(tree: ast.AST) -> set[str]:
    """First parts of everything that is imported, wherever in the file."""
    plain = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    parts = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in (*plain, *parts)}


def test_the_walk_sees_what_it_looks_for():
    tree = ast.parse(
        "import pickle\nfrom urllib import request\nx = eval('1'), d.query('a'), re.compile('b')"
    )
    assert called(tree) == {"eval", "query", "d.query"} and imported(tree) == {"pickle", "urllib"}
    assert len(FILES) > 150


@pytest.mark.parametrize("name", FILES)
def test_no_module_makes_code_of_data_or_touches_the_network(name):
    tree = ast.parse(FILES[name].read_text(encoding="utf-8"))
    assert called(tree) & CODE == set()
    assert imported(tree) & (UNPICKLING | NETWORK) == set()
    assert "allow_pickle" not in {
        keyword.arg for keyword in ast.walk(tree) if isinstance(keyword, ast.keyword)
    }


@pytest.mark.parametrize("statement", ["import bipstats", "import bipstats; dir(bipstats); bipstats.__all__"])
def test_the_import_is_light(statement):
    code = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    found = {name.partition(".")[0] for name in done.stdout.split()}
    assert "bipstats" in found and found & (HEAVY | NETWORK | UNPICKLING) == set()


def test_a_saved_formula_runs_no_code(tmp_path):
    """Whatever stands in the file is arithmetic on columns, or refused."""
    rows = bip.simulate(clients=200, rng=1).clients.assign(y=lambda d: d["birth_year"] % 2)
    text = bip.logit("y ~ I(job_share_5y / 2)", rows).to_json()
    trace = tmp_path / "trace"
    for evil in (f"I(open({str(trace)!r}, 'w'))", f"I(__import__('pathlib').Path({str(trace)!r}).touch())"):
        written = json.dumps(json.loads(text)).replace("I(job_share_5y / 2)", json.dumps(evil)[1:-1])
        assert written != text
        with pytest.raises(bip.ModelError):
            bip.read_result(written).predict(rows)
    assert not trace.exists()
