"""`luthier predict`: a saved or registered model and new rows in; predictions out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luthier.cli.features import names_in
from luthier.cli.say import answer, want_json


def predict(
    model: Annotated[
        str, typer.Argument(help="A registered name (NAME, NAME@VERSION), or a saved model's folder.", metavar="MODEL")
    ],
    file: Annotated[str, typer.Argument(help="Path or glob of the rows to predict.", metavar="FILE")],
    out: Annotated[Path | None, typer.Option(help="CSV file to write; standard output when left out.")] = None,
    features: Annotated[
        str | None, typer.Option(help="Feature views to join to the rows first, separated by commas.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Column of the rows' moments, for --features; now when left out.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Predict new rows with a saved or registered model: labels or values, and for classes the probability of each."""
    want_json(json)
    from luthier.api import predict_file

    predictions = predict_file(model, file, features=names_in(features), at=at)
    csv = predictions.to_csv(index=False)
    if out is not None:
        from luthier.store import write_text_atomic

        write_text_atomic(out, csv)
    body = {
        "model": model,
        "rows": len(predictions),
        "out": None if out is None else str(out),
        "predictions": None if out is not None else predictions.to_dict(orient="list"),
    }
    if out is None:
        answer(body, csv.splitlines())
    else:
        answer(body, [f"{len(predictions)} predictions written to {out}"], next_step=f"open {out}")
