"""The house keeps its promises about itself: what it imports, and what it does not."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import luthier

HEAVY = ("pandas", "sklearn", "scipy", "sqlalchemy", "fastapi", "lightgbm", "altair", "duckdb")
SOURCE = Path(luthier.__file__).parent


def loaded_by(code: str) -> set[str]:
    """Top-level modules in memory after running some code in a fresh interpreter."""
    show = "\nimport sys; print('\\n'.join(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code + show], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_luthier_is_light() -> None:
    assert not loaded_by("import luthier").intersection(HEAVY)


def test_asking_for_help_is_light() -> None:
    asked = """
import sys, luthier.cli
sys.argv = ["luthier", "--help"]
try:
    luthier.cli.main()
except SystemExit:
    pass
"""
    assert not loaded_by(asked).intersection(HEAVY)


@pytest.mark.parametrize("name", luthier.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(luthier, name) is not None


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="tunne"):
        luthier.tunne  # noqa: B018


@pytest.mark.parametrize("drawer", ["utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"])
def test_there_is_no_drawer_where_subjects_get_lost(drawer: str) -> None:
    assert not list(SOURCE.rglob(f"{drawer}.py"))


@pytest.mark.parametrize(
    "room",
    [
        "space",
        "models",
        "strategies",
        "scoring",
        "tuning",
        "evaluation",
        "registry",
        "serving",
        "monitoring",
        "lifecycle",
        "checks",
        "report",
    ],
)
def test_the_core_knows_no_disk_network_or_process(room: str) -> None:
    forbidden = {"socket", "subprocess", "sqlite3", "multiprocessing", "sqlalchemy", "requests", "urllib", "tempfile"}
    for file in (SOURCE / room).rglob("*.py"):
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            reached = {name.partition(".")[0] for name in names} & forbidden
            assert not reached, f"{file.relative_to(SOURCE)} reaches out of the core: {reached}"
            opens = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open"
            assert not opens, f"{file.relative_to(SOURCE)} opens a file"
