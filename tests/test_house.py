"""The house keeps its promises about itself: what it imports, and what it does not."""

from __future__ import annotations

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
    "room", ["space", "models", "strategies", "scoring", "tuning", "evaluation", "registry", "report"]
)
def test_the_core_knows_no_disk_network_or_process(room: str) -> None:
    forbidden = (
        "import socket",
        "import subprocess",
        "import sqlite3",
        "import multiprocessing",
        "import sqlalchemy",
        "open(",
    )
    for file in (SOURCE / room).rglob("*.py"):
        code = "\n".join(line for line in file.read_text().splitlines() if not line.lstrip().startswith("#"))
        found = [word for word in forbidden if f"\n{word}" in code or f" {word}" in code]
        assert not found, f"{file.relative_to(SOURCE)} reaches out of the core: {found}"
