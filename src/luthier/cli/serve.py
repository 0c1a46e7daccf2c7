"""`luthier serve`: a model behind an address."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luthier.cli.say import answer, want_json


def serve(
    model: Annotated[
        str, typer.Argument(help="Name of a registered model, or folder of a saved one.", metavar="NAME|MODEL_FOLDER")
    ],
    host: Annotated[str, typer.Option(help="Address to listen on; any but this machine's own needs a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 1,
    name: Annotated[str | None, typer.Option(help="What to call the model in addresses.")] = None,
    shadow: Annotated[
        str | None, typer.Option(help="A challenger that answers the same requests unseen, for the log only.")
    ] = None,
    split: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Share of those who ask who get the challenger's answers, by a hash of the query's unit."
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Probability above which the positive class is decided; the model's own when left out."),
    ] = None,
    abstain: Annotated[
        bool | None,
        typer.Option("--abstain/--decide", help="Decide nothing for rows outside of what training showed, or do."),
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(
            help="What has happened to an answer's log line when the answer is sent: queued, written (the default; "
            "survives the death of a worker) or synced (survives a power cut)."
        ),
    ] = None,
    redact: Annotated[
        list[str] | None, typer.Option(help="Field that is not written to the log; may be given several times.")
    ] = None,
    keep_days: Annotated[int | None, typer.Option(min=1, help="Days after which the log is removed.")] = None,
    rate: Annotated[float | None, typer.Option(help="Most requests a second of one client.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Answer requests over HTTP until interrupted, and log every answer.

    POST /v1/models/NAME/predict, /explain and /feedback; GET /health, /ready, /metrics and /openapi.json. What is left
    out here is as [serve] in luthier.toml says.
    """
    want_json(json)
    from luthier.web import ServeSettings, as_promise, serve_model

    settings = ServeSettings.of(
        model,
        name=name,
        shadow=shadow,
        split=split,
        threshold=threshold,
        abstain=abstain,
        promise=None if log is None else as_promise(log),
        redact=tuple(redact) if redact else None,
        keep_days=keep_days,
        host=host,
        port=port,
        workers=workers,
        requests_per_s=rate,
    )

    def say(called: str, bound: int) -> None:
        at = f"http://{host}:{bound}"
        verbs = f"{at}/v1/models/{called}"
        body = {"model": called, "url": at, "predict": f"{verbs}/predict", "log": str(Path(settings.traffic))}
        lines = [f"serving {called} at {at}", f"log       {settings.traffic}"]
        answer(body, lines, next_step=f"curl {at}/openapi.json, then POST rows to {verbs}/predict")

    serve_model(settings, on_bound=say)
