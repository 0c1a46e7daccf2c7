"""`luthier demo`: the main job on real data that ships with scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luthier.cli.say import errors, want_json
from luthier.cli.tune import run_and_say

_TARGET = "diagnosis"


def demo(
    budget: Annotated[str, typer.Option("--budget", "-b", help="Time, trials or money.")] = "30s",
    out: Annotated[Path, typer.Option(help="Folder for model/ and report.html.")] = Path("luthier-demo"),
    seed: Annotated[int, typer.Option(help="Root of all randomness.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Tune a tumour classifier on the Wisconsin breast cancer data (569 patients), in about half a minute."""
    want_json(json)
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    frame = data.data.assign(**{_TARGET: data.target_names[data.target]})
    if not json:
        errors.print("569 patients, 30 measurements of a cell sample each: is the tumour malignant?", style="dim")
    run_and_say(
        frame,
        _TARGET,
        quiet=json,
        positive="malignant",
        budget=budget,
        out=out,
        seed=seed,
        name="breast cancer (Wisconsin)",
        resume=False,
    )
