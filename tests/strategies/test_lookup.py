"""Strategies by name, those of other packages included."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from luthier.errors import UnknownChoice
from luthier.strategies import STRATEGIES, get_strategy, strategy_names


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that offers a strategy, a broken one, no strategy at all, and one named as ours."""
    (tmp_path / "dowsing.py").write_text(
        "class Rod:\n"
        "    name = 'dowsing'\n"
        "    @classmethod\n"
        "    def for_study(cls, space, *, seed, n_trials): return cls()\n"
        "    def ask(self, space, history, rng): return None\n"
        "class Twig: pass\n"
    )
    (tmp_path / "splinter.py").write_text("raise OSError('the twig is broken')\n")
    info = tmp_path / "dowsing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dowsing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[luthier.strategies]\ndowsing = dowsing:Rod\nsplinter = splinter:Rod\n"
        "twig = dowsing:Twig\nrandom = dowsing:Rod\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("dowsing", "splinter"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return tmp_path


@pytest.mark.parametrize("name", STRATEGIES)
def test_our_strategies_are_found_by_name(name: str) -> None:
    assert get_strategy(name) is STRATEGIES[name]


def test_an_unknown_name_is_answered_with_all_names_and_the_closest() -> None:
    with pytest.raises(UnknownChoice, match=r"(?s)no strategy 'Sobel'; there are: .*grid.*random.*sobol.*mean 'sobol'"):
        get_strategy("Sobel")


@pytest.mark.usefixtures("other_package")
def test_a_strategy_of_another_package_is_found_and_listed_without_importing_it_early() -> None:
    assert strategy_names() == (*STRATEGIES, "dowsing", "splinter", "twig")
    assert "dowsing" not in sys.modules
    assert get_strategy("dowsing").name == "dowsing"


@pytest.mark.usefixtures("other_package")
def test_another_package_cannot_take_the_name_of_one_of_ours() -> None:
    assert get_strategy("random") is STRATEGIES["random"]


@pytest.mark.usefixtures("other_package")
def test_a_package_that_cannot_be_imported_is_named_with_its_error() -> None:
    with pytest.raises(
        UnknownChoice, match="'splinter' at 'splinter:Rod' cannot be loaded: OSError: the twig is broken"
    ):
        get_strategy("splinter")


@pytest.mark.usefixtures("other_package")
def test_an_offer_that_is_no_strategy_is_refused_with_what_it_lacks() -> None:
    with pytest.raises(UnknownChoice, match=r"has no name, for_study, ask"):
        get_strategy("twig")
