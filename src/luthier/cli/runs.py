"""`luthier runs`: the studies in the store, to list, look at, take up again and remove."""

from __future__ import annotations

from typing import Annotated

import typer

from luthier.cli.say import answer, want_json
from luthier.cli.tune import run_and_say

app = typer.Typer(help="Studies in the store: list, show, resume, remove.", no_args_is_help=False)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
_Study = Annotated[str, typer.Argument(help="Id of a study, or the beginning of one.", metavar="STUDY")]


@app.callback(invoke_without_command=True)
def _default(context: typer.Context, json: _Json = False) -> None:
    if context.invoked_subcommand is None:
        list_runs(json=json)


@app.command("list")
def list_runs(json: _Json = False) -> None:
    """List every study, newest first."""
    want_json(json)
    from luthier.api import list_studies

    studies = list_studies()
    lines = [_row(study) for study in studies] or ["no studies yet"]
    next_step = "luthier runs show STUDY" if studies else "luthier demo"
    answer({"studies": studies}, lines, next_step=next_step)


@app.command()
def show(study: _Study, json: _Json = False) -> None:
    """Show what a study asked, what it tried and what came of it."""
    want_json(json)
    from luthier.api import show_study

    body, lines = show_study(study)
    unfinished = body["state"] != "finished"
    answer(body, lines, next_step=f"luthier runs resume {body['study']}" if unfinished else "luthier runs")


@app.command()
def resume(study: _Study, json: _Json = False) -> None:
    """Go on with an interrupted study, with what is left of its budget."""
    want_json(json)
    from luthier.api import order_of

    source, order = order_of(study)
    run_and_say(source, order.pop("target"), quiet=json, **order)


@app.command()
def remove(
    study: _Study,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: _Json = False,
) -> None:
    """Remove a study, its predictions and its model from the store."""
    want_json(json)
    from luthier.api import find_study, remove_study

    found = find_study(study)
    if not yes:
        typer.confirm(f"Remove study {found} for good?", abort=True, err=True)
    remove_study(found)
    answer({"removed": found}, [f"removed {found}"], next_step="luthier runs")


def _row(study: dict[str, object]) -> str:
    score = study["best_score"]
    shown = "-" if score is None else f"{score:.5g}"
    parts = (
        study["id"],
        study["state"],
        f"{study['n_trials']} trials",
        f"best {shown}",
        study["dataset"],
        study["target"],
    )
    return "  ".join(map(str, parts))
