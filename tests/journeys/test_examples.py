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
    costs = runpy.run_path(str(EXAMPLES / "churn_shop.py"))["main"](budget="3 trials")
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


def test_the_demand_for_electricity_is_followed_from_summer_into_winter(capsys: pytest.CaptureFixture[str]) -> None:
    """From the first tuning through alarm, response and promotion; with fewer trials and responses than a user has."""
    data = EXAMPLES.parent.parent / "shared" / "data" / "vic_elec.parquet"
    if not data.is_file():
        pytest.skip("the table of Victoria's demand is not shipped, and does not lie beside the project")
    Path("luthier.toml").write_text('[lifecycle]\nresponses = ["refit"]\n')
    months = runpy.run_path(str(EXAMPLES / "electricity.py"))["main"](str(data), months=5, budget="2 trials")
    did = list(months["what was done"])
    promoted = next(k for k, one in enumerate(did) if "promoted" in one)
    assert any(one.startswith("alarm") for one in did[:promoted])
    after = months.iloc[promoted + 1 :]
    assert after["managed"].mean() < 0.9 * after["never touched"].mean()
    assert "never touched" in capsys.readouterr().out
