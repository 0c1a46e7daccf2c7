"""Checks of columns, target and people: each finds what was put there, and honest tables are left in peace."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import luthier
from luthier.checks import Finding
from luthier.checks.personal_data import is_card, is_iban
from luthier.checks.population import parse_population, raked_weights
from luthier.errors import UsageError

QUIET = {
    "labels.errors", "labels.conflicts", "target.imbalance", "columns.outliers", "columns.categories",
    "columns.constant", "columns.repeated", "columns.mixed", "columns.dates", "privacy.personal",
}  # fmt: skip


def table(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc"))
    frame["tail"] = np.exp(rng.normal(0, 2, n))
    frame["kind"] = rng.choice(["x", "y", "z"], n, p=[0.7, 0.29, 0.01])
    return frame.assign(y=(frame["a"] + rng.normal(size=n) > 0).astype(int))


def found(frame: pd.DataFrame, code: str, target: str = "y", **options: object) -> tuple[Finding, ...]:
    checkup = luthier.check(frame, target, **options)  # type: ignore[arg-type]
    return tuple(finding for finding in checkup.findings if finding.code == code)


def test_an_honest_table_with_a_heavy_tail_is_left_in_peace() -> None:
    assert set(luthier.check(table(), "y").quiet) >= QUIET


def test_wrong_labels_of_an_easy_table_are_found_and_listed() -> None:
    frame = table()
    frame["y"] = (frame["a"] + frame["b"] > 0).astype(int)
    frame = frame[(frame["a"] + frame["b"]).abs() > 0.7].reset_index(drop=True)
    frame.loc[:14, "y"] = 1 - frame.loc[:14, "y"]
    (finding,) = found(frame, "labels.errors")
    assert finding.evidence["count"]["low"] <= 15 <= finding.evidence["count"]["high"]
    listed = {row["row"] for row in finding.evidence["list"][:15]}
    assert len(listed & set(range(15))) >= 13


def test_equal_rows_with_unequal_labels_are_told() -> None:
    frame = table(60)
    (finding,) = found(pd.concat([frame, frame[:3].assign(y=1 - frame["y"][:3])]), "labels.conflicts")
    assert finding.evidence["groups"] == 3


def test_a_capped_target_is_told_and_an_honest_zero_is_not() -> None:
    rng = np.random.default_rng(1)
    y = np.minimum(rng.exponential(100, 1000), 200)
    frame = pd.DataFrame({"a": rng.normal(size=1000), "y": np.where(rng.random(1000) < 0.1, 0.0, y)})
    (finding,) = found(frame, "target.capped")
    assert finding.evidence["value"] == 200


def test_gaps_that_tell_of_the_target_are_told_and_others_are_not() -> None:
    frame = table()
    rng = np.random.default_rng(2)
    frame.loc[(frame["y"] == 1) & (rng.random(400) < 0.9), "b"] = np.nan
    frame.loc[rng.random(400) < 0.3, "c"] = np.nan
    (finding,) = found(frame, "missing.informative")
    assert (finding.columns, finding.severity) == (("b",), "warning")


def test_multiples_other_words_and_other_orders_of_a_column_are_told() -> None:
    frame = table()
    rng = np.random.default_rng(3)
    frame["month"] = rng.integers(100, 200, 400)
    frame["year"] = 12 * frame["month"]
    frame["code"] = frame["kind"].map({"x": 3, "y": 1, "z": 2})
    frame["log"] = np.log(frame["tail"])
    pairs = {finding.columns: finding.title for finding in found(frame, "columns.repeated")}
    assert set(pairs) == {("month", "year"), ("kind", "code"), ("tail", "log")}
    assert "12 times 'month'" in pairs["month", "year"]


def test_a_value_that_stands_apart_is_told() -> None:
    frame = table()
    frame.loc[7, "a"] = 999999
    (finding,) = found(frame, "columns.outliers")
    assert finding.evidence["rows"] == [7]


def test_dates_in_the_manner_of_people_are_told_and_versions_are_not() -> None:
    days = pd.Series(pd.date_range("2020-01-01", periods=400).strftime("%d.%m.%Y"))
    frame = table().assign(sold=days, version=[f"{i % 40}.{i % 7}.1" for i in range(400)])
    (finding,) = found(frame, "columns.dates")
    assert finding.columns == ("sold",)
    assert "%d.%m.%Y" in finding.fix


def test_people_are_told_by_form_even_in_columns_that_are_left_out() -> None:
    frame = table(60).assign(
        contact=[f"p{i}@example.org" for i in range(60)],
        tel=[f"+49 30 {100000 + 7 * i}" for i in range(60)],
        surname=[f"Mc{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(60)],
    )
    kinds = {finding.columns[0]: finding.evidence["kind"] for finding in found(frame, "privacy.personal")}
    assert kinds == {"contact": "e-mail addresses", "tel": "phone numbers", "surname": "names of people"}


@pytest.mark.parametrize(
    ("number", "holds"), [("4111111111111111", True), ("4111111111111112", False), ("0" * 16, False)]
)
def test_cards_pass_luhn(number: str, holds: bool) -> None:
    assert is_card(number) is holds


def test_accounts_pass_their_check() -> None:
    assert is_iban("GB82 WEST 1234 5698 7654 32")
    assert not is_iban("GB83 WEST 1234 5698 7654 32")


def test_a_table_unlike_its_reference_is_told_and_one_alike_is_not() -> None:
    here, there = table(600, 4), table(600, 5)
    assert not found(here, "population.reference", reference=there)
    (finding,) = found(here, "population.reference", reference=there.assign(a=there["a"] + 1.5))
    assert finding.columns == ("a",)
    assert 0 < finding.evidence["effective_rows_when_weighted"] < 600


def test_declared_shares_are_compared_and_weights_mend_them() -> None:
    frame = table()
    (finding,) = found(frame, "population.shares", population="kind=x:0.4,y:0.5,z:0.1")
    shares = {row["slice"]: row["share"] * row["weight"] for row in finding.evidence["slices"]}
    assert shares == pytest.approx({"x": 0.4, "y": 0.5, "z": 0.1}, abs=0.005)
    assert finding.evidence["thin"] == ["z"]


def test_raking_meets_the_shares_of_every_column() -> None:
    rng = np.random.default_rng(6)
    codes = [rng.integers(3, size=500), rng.integers(2, size=500)]
    shares = [np.array([0.5, 0.3, 0.2]), np.array([0.9, 0.1])]
    w = raked_weights(codes, shares)
    for code, share in zip(codes, shares, strict=True):
        assert np.bincount(code, weights=w) / w.sum() == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("text", ["age", "age=18-30:0.2", "age=18-30:0.2,31-:0.2", "age=18-30:x,31-:0.2"])
def test_a_population_that_does_not_add_up_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="fix: "):
        parse_population(text)
