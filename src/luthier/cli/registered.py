"""`luthier promote`, `rollback` and `retire`: what happens to a registered model after its release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from luthier.cli.say import answer, want_json

if TYPE_CHECKING:
    from luthier.registry import ModelHistory

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
_Why = Annotated[str, typer.Option(help="Why, for the record.")]
_By = Annotated[str | None, typer.Option(help="Who wants it; your user name when left out.")]


def promote(
    model: Annotated[str, typer.Argument(help="NAME@VERSION; NAME alone means its challenger.", metavar="MODEL")],
    why: _Why = "",
    by: _By = None,
    json: _Json = False,
) -> None:
    """Make a version the champion: the one that answers to the bare name."""
    want_json(json)
    from luthier.api import promote as make_champion

    history = make_champion(model, why=why, by=by)
    _say(history, f"{history.name}@{history.champion} is the champion", next_step=f"luthier rollback {history.name}")


def rollback(
    model: Annotated[str, typer.Argument(help="Name of a registered model.", metavar="MODEL")],
    drill: Annotated[
        bool, typer.Option("--drill", help="Roll back, measure the time to effect, return, and record it.")
    ] = False,
    why: _Why = "",
    by: _By = None,
    json: _Json = False,
) -> None:
    """Make the previous champion the champion again, at once."""
    want_json(json)
    from luthier.api import rollback as roll_back

    body = roll_back(model, why=why, by=by, drill=drill)
    name, good, bad = body["name"], body["to"], body["from"]
    if drill:
        took = f"recorded after {body['seconds']:.3f} s, loaded and ready after {body['seconds_to_effect']:.3f} s"
        answer(
            body,
            [f"a drill: {name} rolled back from version {bad} to {good}, {took}; version {bad} is back"],
            next_step=f"luthier models show {name}",
        )
        return
    lines = [f"{name}@{good} is the champion again, in place of version {bad}, after {body['seconds']:.3f} s"]
    answer(body, lines, next_step=f"luthier models show {name}")


def retire(
    model: Annotated[str, typer.Argument(help="NAME@VERSION, or NAME@previous.", metavar="MODEL")],
    why: Annotated[str, typer.Option(help="Why: whoever asks for it later is told so.")],
    by: _By = None,
    json: _Json = False,
) -> None:
    """Take a version out of use for good; it stays in the record."""
    want_json(json)
    from luthier.api import retire as take_out

    history = take_out(model, why=why, by=by)
    version = history.moves[-1].version
    _say(history, f"{history.name}@{version} is retired", next_step=f"luthier models show {history.name}")


def _say(history: ModelHistory, line: str, *, next_step: str) -> None:
    move = history.moves[-1]
    body = {"name": history.name, "version": move.version, "aliases": history.aliases, "at_utc": move.at_utc}
    answer(body, [line], next_step=next_step)
