"""`luthier models`: the registered models, now or at a moment in the past."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from luthier.cli.say import answer, want_json

app = typer.Typer(help="Registered models: list, show.", no_args_is_help=False)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
_At = Annotated[str | None, typer.Option(help="What held at that time (ISO 8601, UTC); now when left out.")]


@app.callback(invoke_without_command=True)
def _default(context: typer.Context, at: _At = None, json: _Json = False) -> None:
    if context.invoked_subcommand is None:
        list_registered(at=at, json=json)


@app.command("list")
def list_registered(at: _At = None, json: _Json = False) -> None:
    """List every registered model with its champion."""
    want_json(json)
    from luthier.api import list_models

    models = list_models(at=at)
    lines = [_row(model) for model in models] or ["no models yet"]
    next_step = "luthier models show NAME" if models else "luthier release STUDY --name NAME"
    answer({"models": models}, lines, next_step=next_step)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="Name of a registered model.", metavar="NAME")],
    at: _At = None,
    json: _Json = False,
) -> None:
    """Show a model's versions, who was champion when, and why."""
    want_json(json)
    from luthier.api import show_model

    body, lines = show_model(model, at=at)
    answer(body, lines, next_step=f"luthier verify {body['name']}")


def _row(model: dict[str, Any]) -> str:
    held = [f"{alias} {version}" for alias, version in model["aliases"].items() if version is not None]
    score = model["score"]
    shown = "" if score is None else f"{model['metric']} {score['value']:.5g}"
    return "  ".join((model["name"], ", ".join(held) or "no champion", shown, model["changed_at_utc"][:16])).rstrip()
