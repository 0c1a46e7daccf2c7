"""The examples do what they say."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUTHIER_STORE", raising=False)


def test_the_shop_saves_money_on_customers_it_has_not_seen(capsys: pytest.CaptureFixture[str]) -> None:
    """By the law that makes the customers, deciding at 15 / 120 costs 7.7 a customer, and no gifts cost 10."""
    costs = runpy.run_path(str(EXAMPLES / "churn_shop.py"))["main"](budget="6 trials")
    assert costs["a gift where the model decides for it"] < 0.9 * min(
        costs["a gift for nobody"], costs["a gift for everybody"]
    )
    assert Path("churn/report.html").is_file()
    assert "what a customer costs on average" in capsys.readouterr().out


def test_the_student_reads_who_won(capsys: pytest.CaptureFixture[str]) -> None:
    found = runpy.run_path(str(EXAMPLES / "students_comparison.py"))["main"](budget="3 trials", repeats=2)
    assert {name for name in ("random", "sobol", "tpe", "gp") if name in " ".join(found.summary())} >= {"random", "gp"}
    assert Path("comparison/comparison.html").is_file()
    assert capsys.readouterr().out.startswith("for 3 trials on these data")
