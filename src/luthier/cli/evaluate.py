"""`luthier evaluate`: a tuned model in; how far to believe it out."""

from __future__ import annotations

from typing import Annotated

import typer

from luthier.cli.say import answer, want_json


def evaluate(
    what: Annotated[str, typer.Argument(help="Id of a study, or folder of a saved model.", metavar="STUDY|MODEL")],
    data: Annotated[
        str | None, typer.Option(help="The study's own table, if it is no longer where it was tuned from.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Say how far to believe a tuned model; nothing is trained again."""
    want_json(json)
    from luthier.api import evaluate as evaluate_model

    found = evaluate_model(what, data=data)
    answer(found.to_json(), found.lines(), next_step=f"luthier runs show {found.study}")
