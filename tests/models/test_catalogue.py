from __future__ import annotations

import importlib.util
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from luthier.errors import BadSpace, MissingExtra, UnknownChoice
from luthier.models import FAMILIES, Facts, families_for, join_config, joint_default, joint_space, split_config
from luthier.models.extras import EXTRAS, optional

FACTS = Facts("binary", 1000, 10, 2, (0, 1), (3, 4))


def test_unasked_every_family_without_an_extra_is_tried_lightgbm_first() -> None:
    families, notes = families_for(None, FACTS)
    assert list(families) == [name for name in FAMILIES if name not in EXTRAS]
    assert next(iter(families)) == "lightgbm"
    assert all(any(name in note for note in notes) for name in EXTRAS)


def test_families_unsuited_to_the_table_are_left_out_and_the_reason_is_said() -> None:
    families, notes = families_for(None, Facts("binary", 50_000, 400, 2))
    assert not {"svm", "knn"} & set(families)
    assert any(note.startswith("svm was left out") and "50000" in note for note in notes)
    assert any(note.startswith("knn was left out") for note in notes)


def test_few_rows_are_not_for_networks() -> None:
    assert "mlp" not in families_for(None, Facts("binary", 60, 5, 2))[0]


def test_a_family_that_is_named_is_tried_against_our_advice_and_the_note_says_so() -> None:
    families, notes = families_for(["svm", "linear", "svm"], Facts("binary", 50_000, 10, 2))
    assert list(families) == ["svm", "linear"]
    assert len(notes) == 1
    assert "because you named it" in notes[0]


@pytest.mark.parametrize("names", [["lightgbn"], []])
def test_a_family_nobody_knows_is_refused_with_the_names_there_are(names: list[str]) -> None:
    with pytest.raises(UnknownChoice, match=r"(?s)LU130.*lightgbm, forest"):
        families_for(names, FACTS)


@pytest.mark.parametrize("name", EXTRAS)
def test_a_named_family_whose_library_is_missing_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=rf"(?s)LU501.*pip install 'luthier\[{name}\]'"):
        families_for([name], FACTS)


def test_an_optional_library_that_cannot_be_imported_is_a_missing_extra() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'luthier\[no_such_library\]'"):
        optional("no_such_library")


def test_the_joint_space_asks_for_the_model_first_and_for_its_parameters_only() -> None:
    families, _ = families_for(None, FACTS)
    space = joint_space(families, FACTS)
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(100):
        config = space.sample(rng)
        name, params = split_config(config)
        families[name].space(FACTS).check(params)
        seen.add(name)
    assert seen == set(families)


def test_conditions_inside_a_family_survive_the_joint() -> None:
    families, _ = families_for(["linear", "lightgbm"], FACTS)
    space = joint_space(families, FACTS)
    mixed = {"model": "linear", "linear.scaling": "standard", "linear.penalty": "elasticnet", "linear.C": 1.0}
    space.check({**mixed, "linear.l1_ratio": 0.5})
    with pytest.raises(BadSpace):
        space.check(mixed)


@pytest.mark.parametrize("names", [None, ["forest"], ["linear", "lightgbm"]])
def test_the_joint_default_is_the_first_familys_and_lies_in_the_joint_space(names: list[str] | None) -> None:
    families, _ = families_for(names, FACTS)
    config = joint_default(families, FACTS)
    joint_space(families, FACTS).check(config)
    name, params = split_config(config)
    assert name == next(iter(families))
    assert params == families[name].default(FACTS)


def test_splitting_undoes_joining() -> None:
    assert split_config(join_config("svm", {"C": 1.0})) == ("svm", {"C": 1.0})


@pytest.mark.parametrize("config", [{}, {"model": "svm", "C": 1.0}, {"model": "svm", "knn.p": 1}, {"model": 3}])
def test_a_configuration_of_no_model_or_of_two_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(BadSpace, match="LU110"):
        split_config(config)


def test_facts_are_read_off_a_dataset() -> None:
    feature = SimpleNamespace
    features = (
        feature(kind="numeric", levels=()),
        feature(kind="categorical", levels=("a", "b", "c")),
        feature(kind="text_hash", levels=()),
    )
    schema = SimpleNamespace(features=features, task="multiclass", classes=("x", "y", "z"))
    dataset: Any = SimpleNamespace(schema=schema, X=np.array([[0.0, 1, 2], [np.nan, 0, 1]]))
    assert Facts.of(dataset) == Facts("multiclass", 2, 3, 3, (1,), (3,), has_missing=True)


def test_facts_survive_json() -> None:
    assert Facts.from_json(FACTS.to_json()) == FACTS


@pytest.mark.parametrize(
    "change",
    [
        {"task": "ranking"},
        {"n_rows": -1},
        {"n_classes": 3},
        {"n_levels": ()},
        {"categorical": (1, 0)},
        {"n_features": 1},
    ],
)
def test_facts_that_contradict_each_other_cannot_be_built(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"task|negative|classes|levels|categorical"):
        Facts.from_json({**FACTS.to_json(), **change})


def test_a_numbers_only_table_has_as_many_encoded_columns_as_columns() -> None:
    assert Facts("binary", 10, 4, 2).n_encoded == 4
    assert FACTS.n_encoded == 8 + 3 + 4


def test_naming_the_families_imports_no_boosting_library() -> None:
    heavy = "lightgbm xgboost catboost skops duckdb"
    code = f"import sys, luthier.models; print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
