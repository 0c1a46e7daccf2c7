"""Feature views from their definition to a served answer, on the command line and in Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from luthier.cli.app import app
from luthier.errors import BadColumn, BadFeatureView, LuthierError
from luthier.features import Feature, FeatureView, consumers_of, join
from luthier.testing.events import made_payments, made_questions

DEFINITION = """
from luthier.features import Feature, FeatureView

spend = FeatureView(
    "spend", "payments.csv", keys=["customer"], event_time="paid_at", known_at="booked_at", event_id="payment",
    features=[Feature("sum_10d", "sum", "amount", "10d"), Feature("n", "count")],
)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    made_payments(500, n_customers=20).to_csv("payments.csv", index=False)
    made_questions(40, n_customers=20).to_csv("rows.csv", index=False)
    (tmp_path / "views.py").write_text(DEFINITION)
    return tmp_path


def say(*words: str) -> Any:
    done = CliRunner().invoke(app, ["features", *words, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_view_is_applied_joined_materialized_and_asked(project: Path) -> None:
    assert say("apply", "views.py")["views"] == [{"name": "spend", "change": "new", "breaks": [], "consumers": []}]
    assert say("apply", "views.py")["views"][0]["change"] == "same"
    joined = say("join", "rows.csv", "--views", "spend", "--at", "asked_at", "--out", "joined.csv")
    assert joined == {"rows": 40, "columns": ["spend__sum_10d", "spend__n"], "out": "joined.csv"}
    assert len(pd.read_csv("joined.csv")) == 40
    say("join", "rows.csv", "--at", "asked_at", "--out", "joined.parquet")
    assert say("materialize")["materialized"][0]["view"] == "spend"
    payments = pd.read_csv("payments.csv").drop_duplicates("payment", keep="last")
    found = say("get", "customer=7")["features"]
    assert found == {"spend__sum_10d": 0.0, "spend__n": int((payments.customer == 7).sum())}
    (listed,) = say()["views"]
    assert listed["columns"] == ["spend__sum_10d", "spend__n"]
    assert listed["materialized_as_of"] is not None


def test_a_source_that_fails_the_views_tests_is_neither_learned_from_nor_served(project: Path) -> None:
    tests = 'tests=[Expectation("amount", at_least=0, missing=0), Expectation("customer", one_of=list(range(20)))],\n)'
    wished = DEFINITION.replace("import Feature,", "import Expectation, Feature,").replace("\n)", f"\n    {tests}")
    (project / "views.py").write_text(wished)
    say("apply", "views.py")
    told = say("check")["tests"]
    assert [(one["holds"], one["n_wrong"]) for one in told] == [(True, 0), (True, 0)]
    say("materialize")
    before = say("get", "customer=7")

    payments = pd.read_csv("payments.csv")
    payments.loc[:2, "amount"] = [-5.5, np.nan, -5.5]
    payments.to_csv("payments.csv", index=False)
    done = CliRunner().invoke(app, ["features", "check"], catch_exceptions=False)
    assert done.exit_code == 3
    assert f"2 of {len(payments)} rows are not, such as -5.5 and 1 of {len(payments)} rows have none" in done.stdout
    for words in (["join", "rows.csv", "--at", "asked_at"], ["materialize"]):
        with pytest.raises(BadFeatureView, match=r"fails its tests: amount is at least 0"):
            CliRunner().invoke(app, ["features", *words], catch_exceptions=False)
    assert say("get", "customer=7") == before


def test_what_is_said_to_people_ends_with_the_next_step(project: Path) -> None:
    for words, last in (
        (["apply", "views.py"], "luthier features join ROWS.csv --views spend --at TIME_COLUMN"),
        ([], "luthier features materialize"),
        (["materialize"], "luthier features get KEY=VALUE"),
        (["get", "customer=7"], "luthier tune FILE --target COLUMN --features VIEWS"),
        (["join", "rows.csv", "--out", "x.csv"], "luthier tune x.csv --target COLUMN"),
    ):
        done = CliRunner().invoke(app, ["features", *words], catch_exceptions=False)
        assert done.stdout.splitlines()[-1] == f"next: {last}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["apply", "nowhere.py"], "no file nowhere.py"),
        (["apply", "empty.py"], "no feature views"),
        (["get", "customer"], "which key"),
        (["get", "customer=1", "--at", "soon"], "no moment"),
        (["get", "shop=1"], "no applied view is of shop"),
        (["join", "rows.csv", "--views", "spent"], "no feature view 'spent'"),
        (["join", "rows.csv", "--views", "spend", "--out", "x.xls"], "neither"),
    ],
)
def test_wrong_use_is_said(project: Path, words: list[str], said: str) -> None:
    (project / "empty.py").write_text("")
    say("apply", "views.py")
    with pytest.raises(LuthierError, match=said):
        CliRunner().invoke(app, ["features", *words], catch_exceptions=False)


CHOICE = """
from luthier.features import Feature, FeatureView

spend = FeatureView(
    "spend", "payments.csv", keys=["customer"], event_time="paid_at", known_at="booked_at", event_id="payment",
    features=[Feature("sum_10d", "sum", "amount", "10d")],
)
noise = FeatureView(
    "noise", "noise.csv", keys=["customer"], event_time="paid_at",
    features=[Feature(f"x{i}", "last", f"x{i}") for i in range(12)],
)
"""


def test_which_views_a_model_uses_is_tuned_and_who_uses_them_is_known(project: Path) -> None:
    rng = np.random.default_rng(0)
    payments = pd.read_csv("payments.csv")
    rows = made_questions(150, n_customers=20)
    spent = join(rows, [spend_of(project)], at="asked_at")["spend__sum_10d"]
    rows["left"] = np.where(spent + rng.normal(0, 5, len(rows)) > spent.median(), "yes", "no")
    rows["one"] = rng.normal(size=len(rows))
    rows.to_csv("rows.csv", index=False)
    noise = payments[["customer", "paid_at"]].assign(**{f"x{i}": rng.normal(size=len(payments)) for i in range(12)})
    noise.to_csv("noise.csv", index=False)
    (project / "views.py").write_text(CHOICE)
    say("apply", "views.py")
    words = "tune rows.csv -t left --features spend,noise --at asked_at --time none --models linear --drop customer"
    words += " --drop asked_at -b 8trials --executor inline --final refit --json"
    done = CliRunner().invoke(app, words.split(), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    body = json.loads(done.stdout)
    asking = ["predict", str(body["model"]), "rows.csv", "--features", "spend,noise", "--at", "asked_at", "--json"]
    predicted = CliRunner().invoke(app, asking, catch_exceptions=False)
    assert json.loads(predicted.stdout)["rows"] == 150
    shown = CliRunner().invoke(app, ["runs", "show", body["study"], "--json"], catch_exceptions=False)
    configs = [trial["config"] for trial in json.loads(shown.stdout)["trials"]]
    assert [(c["linear.uses_spend"], c["linear.uses_noise"]) for c in configs[:3]] == [
        (True, True),
        (False, True),
        (True, False),
    ]
    assert {"kind": "study", "name": body["study"]}.items() <= consumers_of("spend")[0].items()
    (project / "views.py").write_text(CHOICE.replace('"10d"', '"20d"'))
    with pytest.raises(BadFeatureView, match=r"spend__sum_10d \(used by study"):
        CliRunner().invoke(app, ["features", "apply", "views.py"], catch_exceptions=False)
    changes = say("apply", "views.py", "--force")["views"]
    assert [change["breaks"] for change in changes] == [["spend__sum_10d"], []]


def test_features_without_a_moment_are_refused_because_they_would_leak(project: Path) -> None:
    say("apply", "views.py")
    words = "tune rows.csv -t customer --features spend"
    with pytest.raises(BadColumn, match="as of a moment"):
        CliRunner().invoke(app, words.split(), catch_exceptions=False)


def spend_of(project: Path) -> FeatureView:
    return FeatureView(
        "spend",
        str(project / "payments.csv"),
        keys=["customer"],
        event_time="paid_at",
        known_at="booked_at",
        event_id="payment",
        features=[Feature("sum_10d", "sum", "amount", "10d")],
    )
