from __future__ import annotations

import asyncio
import io
import tempfile
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from luthier.data import make_dataset
from luthier.errors import BadSettings
from luthier.models import FAMILIES, Facts
from luthier.registry import pack
from luthier.scoring import Estimate
from luthier.serving.split import place_of
from luthier.store import write_model
from luthier.store.tokens import new_token
from luthier.store.traffic import read_feedback, read_predictions
from luthier.web import Limits, ServeSettings
from luthier.web.application import make_application
from luthier.web.finding import find_models
from luthier.web.server import check_access

ROW: dict[str, Any] = {"age": 41.5, "visits": 3, "city": "Oslo", "member": "yes", "since": "2021-03-04"}
PREDICT = "/v1/models/churn/predict"


def people(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    age = rng.normal(40, 12, n).round(1)
    city = rng.choice(["Bergen", "Oslo", "Tromsø"], n)
    spend = 10 * age + np.where(city == "Oslo", 300, 0) + rng.normal(0, 20, n)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.1, np.nan, age),
            "visits": rng.integers(0, 30, n),
            "city": city,
            "member": rng.choice(["yes", "no"], n),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "churned": np.where(spend > 450, "stays", "goes"),
        }
    )


def save(folder: Path, *, rounds: int = 20, **finish: Any) -> None:
    dataset = make_dataset(people(), "churned", time=False)
    family, facts = FAMILIES["lightgbm"](), Facts.of(dataset)
    config = {**family.default(facts), "n_estimators": rounds}
    files = pack(
        family.fit(config, facts, dataset.X, dataset.y).dump(),
        family=family.name,
        config=config,
        schema=dataset.schema,
        facts=facts,
        metric="log_loss",
        score=Estimate(0.5, 0.4, 0.6, 200),
        study="s",
        fingerprint=dataset.fingerprint,
        trained_on="all",
        created_at_utc="2026-01-01T00:00:00Z",
        **finish,
    )
    write_model(folder, files)


@pytest.fixture
def settings(tmp_path: Path) -> ServeSettings:
    save(tmp_path / "churn")
    return ServeSettings(str(tmp_path / "churn"), tmp_path / "traffic")


@asynccontextmanager
async def serving(settings: ServeSettings) -> AsyncIterator[httpx.AsyncClient]:
    app = make_application(settings, find_models(settings).live)
    async with app.router.lifespan_context(app):
        app.state.desk.models.refresh()
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            client.desk = app.state.desk  # type: ignore[attr-defined]
            yield client


def ask(settings: ServeSettings, path: str, method: str = "POST", **request: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        async with serving(settings) as client:
            return await client.request(method, path, **request)

    return asyncio.run(run())


def test_an_answer_says_what_was_decided_by_which_version_and_how_sure_it_is(settings: ServeSettings) -> None:
    body = ask(settings, PREDICT, json=ROW).json()
    (answer,) = body["predictions"]
    assert (body["model"], body["logged"], body["threshold"]) == ("churn", True, 0.5)
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["prediction"] == max(answer["probabilities"], key=answer["probabilities"].get)
    assert answer["outside"] == []


def test_every_answer_is_in_the_log_once_with_its_inputs(settings: ServeSettings) -> None:
    body = ask(settings, PREDICT, json={"rows": [ROW, {**ROW, "age": None}]}).json()
    answers = sorted(body["predictions"], key=lambda answer: answer["prediction_id"])
    logged = read_predictions(settings.traffic).sort_values("prediction_id")
    assert logged["prediction_id"].tolist() == [answer["prediction_id"] for answer in answers]
    assert set(logged["city"]) == {"Oslo"}
    assert logged["p_goes"].tolist() == [answer["probabilities"]["goes"] for answer in answers]
    assert set(logged["role"]) == {"champion"}


def test_a_redacted_field_never_reaches_the_log(settings: ServeSettings) -> None:
    ask(replace(settings, redact=("city",)), PREDICT, json=ROW)
    assert "city" not in read_predictions(settings.traffic)
    assert not any(b"Oslo" in path.read_bytes() for path in settings.traffic.rglob("*") if path.is_file())


def test_rows_unlike_any_seen_in_training_are_marked_and_can_be_left_undecided(settings: ServeSettings) -> None:
    odd = {**ROW, "age": 400, "city": "Atlantis"}
    assert ask(settings, PREDICT, json=odd).json()["predictions"][0]["outside"] == ["age", "city"]
    answer = ask(settings, f"{PREDICT}?abstain=true", json=odd).json()["predictions"][0]
    assert answer["prediction"] is None
    assert answer["abstained"]


def test_the_threshold_moves_the_decision(settings: ServeSettings) -> None:
    positive = "goes"
    sure = ask(settings, PREDICT, json=ROW).json()["predictions"][0]["probabilities"][positive]
    for threshold, decided in ((sure / 2, positive), ((1 + sure) / 2, "stays")):
        body = ask(replace(settings, threshold=threshold), PREDICT, json=ROW).json()
        assert body["predictions"][0]["prediction"] == decided


def test_chances_are_the_recalibrated_ones_and_decisions_by_the_threshold_the_model_came_with(
    settings: ServeSettings,
) -> None:
    rows = [{**ROW, "age": age} for age in range(20, 60)]
    plain = ask(settings, PREDICT, json=rows).json()["predictions"]
    save(Path(settings.model), recalibrator={"kind": "platt", "slope": 0.5, "offset": -0.3}, threshold=0.3)
    body = ask(settings, PREDICT, json=rows).json()
    assert body["threshold"] == 0.3
    z = np.array([np.log(answer["probabilities"]["goes"] / answer["probabilities"]["stays"]) for answer in plain])
    expected = 1 / (1 + np.exp(-(0.5 * z - 0.3)))
    got = np.array([answer["probabilities"]["goes"] for answer in body["predictions"]])
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert [answer["prediction"] == "goes" for answer in body["predictions"]] == (expected > 0.3).tolist()


def test_a_split_gives_each_unit_the_same_model_and_lets_the_other_answer_unseen(
    settings: ServeSettings, tmp_path: Path
) -> None:
    save(tmp_path / "challenger", rounds=3)
    split = replace(settings, name="churn", shadow=str(tmp_path / "challenger"), split=0.5)
    units = [f"customer {i}" for i in range(30)]

    async def run() -> list[str]:
        async with serving(split) as client:
            paths = [f"{PREDICT}?unit={unit}" for unit in units for _ in range(2)]
            versions = [(await client.post(path, json=ROW)).json()["version"] for path in paths]
            await client.desk.shadowing.settled()  # type: ignore[attr-defined]
            return versions

    versions = asyncio.run(run())
    assert versions[::2] == versions[1::2]
    challenged = [place_of(unit, "churn") < 0.5 for unit in units]
    assert 0 < sum(challenged) < 30
    assert len(set(zip(challenged, versions[::2], strict=True))) == 2
    logged = read_predictions(settings.traffic)
    assert logged["role"].value_counts().to_dict() == {
        "shadow": 60,
        "challenger": 2 * sum(challenged),
        "champion": 60 - 2 * sum(challenged),
    }
    assert logged.groupby("prediction_id")["version"].nunique().eq(2).all()


def test_a_share_grows_without_anybody_changing_back_and_takes_what_it_says() -> None:
    places = np.array([place_of(str(unit), "churn") for unit in range(4000)])
    # five standard deviations of a share of 4,000 draws
    assert abs((places < 0.1).mean() - 0.1) < 5 * np.sqrt(0.1 * 0.9 / 4000)
    assert abs((places < 0.5).mean() - 0.5) < 5 * np.sqrt(0.5 * 0.5 / 4000)
    other = np.array([place_of(str(unit), "fraud") for unit in range(4000)])
    assert abs(np.corrcoef(places, other)[0, 1]) < 5 / np.sqrt(4000)


def test_what_a_project_wants_of_its_servers_is_in_its_settings_and_options_go_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "luthier.toml").write_text(
        '[serve]\nredact = ["city"]\nkeep_days = 30\nrows = 7\nbody_mb = 0.5\nlog = "synced"\n'
    )
    found = ServeSettings.of("churn", keep_days=10, abstain=None)
    assert (found.redact, found.keep_days, found.promise) == (("city",), 10, "synced")
    assert found.limits == Limits(rows=7, body_bytes=2**19)


@pytest.mark.parametrize("line", ["rows = 0", "redact = 'city'", "log = 'maybe'", "colour = 'red'", "abstain = 1"])
def test_a_setting_without_a_meaning_is_refused(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "luthier.toml").write_text(f"[serve]\n{line}\n")
    with pytest.raises(BadSettings, match=r"\[serve\]"):
        ServeSettings.of("churn")


def test_what_cannot_be_read_is_named_with_what_was_got_and_what_is_allowed(settings: ServeSettings) -> None:
    reply = ask(settings, PREDICT, json=[ROW, {**ROW, "age": "old", "since": "yesterday"}])
    assert reply.status_code == 422
    said = reply.json()["error"]
    assert said["code"] == "LU402"
    assert [(field["row"], field["field"], field["got"]) for field in said["fields"]] == [
        (1, "age", "old"),
        (1, "since", "yesterday"),
    ]
    assert "a number (training showed" in said["fields"][0]["allowed"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"age": NaN}', "application/json", 400),
        (b'{"age": 1e999}', "application/json", 422),
        (b'{"age": ' + b"9" * 400 + b"}", "application/json", 422),
        (b"[" * 5000 + b"]" * 5000, "application/json", 400),
        (b'"text"', "application/json", 422),
        (b"[1]", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"\xff\x00", "application/json", 400),
        (b"", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"", "text/csv", 400),
        (b"not parquet", "application/vnd.apache.parquet", 400),
        (b"not arrow", "application/vnd.apache.arrow.stream", 400),
        (b"{" + b",".join(b'"c%d": 1' % i for i in range(10_000)) + b"}", "application/json", 413),
        (b'"' + b"x" * (17 << 20) + b'"', "application/json", 413),
    ],
)
def test_a_body_that_is_no_row_is_refused_cleanly(settings: ServeSettings, body: bytes, kind: str, status: int) -> None:
    reply = ask(settings, PREDICT, content=body, headers={"content-type": kind})
    assert reply.status_code == status
    assert reply.json()["error"]["fix"]
    assert tempfile.gettempdir() not in reply.text


def test_a_unit_is_no_longer_than_the_contract_says(settings: ServeSettings) -> None:
    assert ask(settings, f"{PREDICT}?unit={'x' * 201}", json=ROW).status_code == 422


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_small_body_of_very_many_rows_is_refused_before_they_are_unpacked(settings: ServeSettings, kind: str) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    n, to = 50_000_000, io.BytesIO()
    if kind == "parquet":
        pq.write_table(pa.table({"age": np.zeros(n, np.int8)}), to)
    else:
        with pa.ipc.new_stream(to, pa.schema({"age": pa.null()})) as stream:
            stream.write_table(pa.table({"age": pa.nulls(n)}))
    headers = {"content-type": f"application/vnd.apache.{'parquet' if kind == 'parquet' else 'arrow.stream'}"}

    async def run() -> tuple[httpx.Response, int]:
        async with serving(settings) as client:
            tracemalloc.start()
            reply = await client.post(PREDICT, content=to.getvalue(), headers=headers)
            _, peak_bytes = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return reply, peak_bytes

    reply, peak_bytes = asyncio.run(run())
    assert reply.status_code == 413
    assert "50,000,000 rows" in reply.json()["error"]["what"]
    assert peak_bytes < n  # the column alone would take a byte a row


def test_a_body_that_trickles_in_is_cut_off(settings: ServeSettings) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)
        yield b"}"

    limits = Limits(body_s=0.05)
    reply = ask(replace(settings, limits=limits), PREDICT, content=slow(), headers={"content-type": "application/json"})
    assert reply.status_code == 408


@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow"])
def test_a_table_gets_the_answers_of_its_rows(settings: ServeSettings, kind: str) -> None:
    pa = pytest.importorskip("pyarrow")
    rows = people().head(5).drop(columns="churned")
    body = io.BytesIO()
    if kind == "csv":
        rows.to_csv(body, index=False)
    elif kind == "parquet":
        rows.to_parquet(body)
    else:
        table = pa.Table.from_pandas(rows)
        with pa.ipc.new_stream(body, table.schema) as stream:
            stream.write_table(table)
    types = {
        "csv": "text/csv",
        "parquet": "application/vnd.apache.parquet",
        "arrow": "application/vnd.apache.arrow.stream",
    }
    reply = ask(settings, PREDICT, content=body.getvalue(), headers={"content-type": types[kind]}).json()
    expected = find_models(settings).live().champion.predictor.predict_proba(rows)[:, 1]
    got = [list(answer["probabilities"].values())[1] for answer in reply["predictions"]]
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_labels_may_come_late_and_be_corrected(settings: ServeSettings) -> None:
    async def run() -> str:
        async with serving(settings) as client:
            number = (await client.post(PREDICT, json=ROW)).json()["predictions"][0]["prediction_id"]
            for label in ("stays", "goes"):
                told = {"prediction_id": number, "label": label, "known_at": "2026-01-31T12:00:00+01:00"}
                assert (await client.post("/v1/models/churn/feedback", json=told)).json()["received"] == 1
            wrong = await client.post("/v1/models/churn/feedback", json={"prediction_id": number, "label": "maybe"})
            assert wrong.status_code == 422
            assert "one of" in wrong.json()["error"]["fields"][0]["allowed"]
            return str(number)

    number = asyncio.run(run())
    (kept,) = read_feedback(settings.traffic).to_dict("records")
    assert (kept["prediction_id"], kept["label"]) == (number, "goes")
    assert kept["known_at"] == pd.Timestamp("2026-01-31T11:00", tz="UTC")
    assert len(read_feedback(settings.traffic, corrected=False)) == 2


def test_a_challenger_answers_in_the_shadow_and_only_the_log_hears_of_it(
    settings: ServeSettings, tmp_path: Path
) -> None:
    save(tmp_path / "challenger", rounds=3)

    async def run() -> dict[str, Any]:
        async with serving(replace(settings, name="churn", shadow=str(tmp_path / "challenger"))) as client:
            body = (await client.post(PREDICT, json=ROW)).json()
            await client.desk.shadowing.settled()  # type: ignore[attr-defined]
            return dict(body)

    body = asyncio.run(run())
    logged = read_predictions(settings.traffic).set_index("role")
    assert set(logged.index) == {"champion", "shadow"}
    assert logged.loc["champion", "version"] == body["version"] != logged.loc["shadow", "version"]
    assert len(set(logged["prediction_id"])) == 1


def test_a_model_that_is_replaced_answers_from_the_next_request_on(settings: ServeSettings) -> None:
    async def run() -> list[str]:
        async with serving(settings) as client:
            first = (await client.post(PREDICT, json=ROW)).json()["version"]
            save(Path(settings.model), rounds=5)
            client.desk.models.refresh()  # type: ignore[attr-defined]
            return [first, (await client.post(PREDICT, json=ROW)).json()["version"]]

    first, second = asyncio.run(run())
    assert first != second


def test_a_damaged_replacement_is_reported_and_the_old_version_goes_on(settings: ServeSettings) -> None:
    async def run() -> dict[str, Any]:
        async with serving(settings) as client:
            (Path(settings.model) / "manifest.json").write_text("{}")
            client.desk.models.refresh()  # type: ignore[attr-defined]
            assert (await client.post(PREDICT, json=ROW)).status_code == 200
            return dict((await client.get("/ready")).json())

    ready = asyncio.run(run())
    assert ready["ready"]
    assert ready["newest_version"].startswith("not loaded")


def test_an_explanation_adds_up_to_the_answer(settings: ServeSettings) -> None:
    (found,) = ask(settings, "/v1/models/churn/explain", json=ROW).json()["explanations"]
    total = sum(one["contribution"] for one in found["contributions"])
    assert total == pytest.approx(found["answer"] - found["typical_answer"], abs=1e-9)


def test_the_contract_is_made_from_the_training_table(settings: ServeSettings) -> None:
    document = ask(settings, "/openapi.json", "GET").json()
    row = document["components"]["schemas"]["Row"]
    assert set(row["required"]) == set(ROW)
    assert set(row["properties"]["city"]["x-trained-on"]["values"]) == {"Bergen", "Oslo", "Tromsø"}
    assert row["properties"]["age"]["x-trained-on"]["minimum"] == people()["age"].min()
    assert ask(settings, PREDICT, json=row["examples"][0]).status_code == 200


def test_prometheus_sees_what_was_answered(settings: ServeSettings) -> None:
    async def run() -> str:
        async with serving(settings) as client:
            await client.post(PREDICT, json=[ROW, ROW])
            return (await client.get("/metrics")).text

    text = asyncio.run(run())
    assert 'role="champion"} 2.0' not in text.partition("luthier_predictions_total")[0]
    assert "luthier_predictions_total" in text
    assert 'luthier_requests_total{route="predict",status="200"} 1.0' in text


def test_where_others_can_reach_it_a_token_with_the_right_role_is_needed(
    settings: ServeSettings, tmp_path: Path
) -> None:
    public = replace(settings, host="0.0.0.0", tokens=tmp_path / "tokens.json")
    with pytest.raises(Exception, match="there is no token yet"):
        check_access(public)
    reader, _ = new_token(tmp_path / "tokens.json", "reader")
    predictor, _ = new_token(tmp_path / "tokens.json", "predictor")
    check_access(public)
    statuses = [
        ask(public, PREDICT, json=ROW, headers={"authorization": f"Bearer {token}"}).status_code
        for token in ("guess", reader, predictor)
    ]
    assert statuses == [401, 403, 200]
    assert ask(public, "/health", "GET").status_code == 200
    assert predictor not in (tmp_path / "tokens.json").read_text()


def test_a_client_that_asks_too_often_is_told_to_wait(settings: ServeSettings) -> None:
    async def run() -> list[int]:
        async with serving(replace(settings, limits=Limits(requests_per_s=0.1))) as client:
            return [(await client.get("/v1/models")).status_code for _ in range(2)]

    assert asyncio.run(run()) == [200, 429]


def test_answers_carry_headers_that_keep_them_safe(settings: ServeSettings) -> None:
    headers = ask(settings, "/health", "GET").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
