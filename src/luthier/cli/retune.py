"""`luthier retune` and `luthier tick`: respond to what has changed, and take the next step in a model's life."""

from __future__ import annotations

from typing import Annotated

import typer

from luthier.cli.say import answer, want_json

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


def retune(
    name: Annotated[str, typer.Argument(help="Name of a registered model.", metavar="NAME")],
    on: Annotated[
        str | None, typer.Option(help="Labelled rows to learn from instead of the server's log: a path or glob.")
    ] = None,
    budget: Annotated[str | None, typer.Option(help="Of a full re-tune; [lifecycle] budget when left out.")] = None,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 0,
    json: _Json = False,
) -> None:
    """Find the cheapest response that suffices (recalibrate, refit, re-tune) and release it as the challenger."""
    want_json(json)
    from luthier.api import retune as respond

    found = respond(name, on=on, budget=budget, seed=seed)
    next_step = (
        f"luthier monitor {name}" if found.version is None else f"luthier tick {name}, or luthier promote {name}"
    )
    answer(found.to_dict(), found.summary(), next_step=next_step)


def tick(
    name: Annotated[str, typer.Argument(help="Name of a registered model.", metavar="NAME")],
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 0,
    json: _Json = False,
) -> None:
    """Take the next step that the policy allows: prove a challenger, promote or drop it, roll back, or respond.

    Meant for cron: what is to be done follows from the model's history and the server's log, and is never done twice.
    """
    want_json(json)
    from luthier.api import tick as step

    done = step(name, seed=seed)
    asked = done.did == "asked"
    answer(
        done.to_dict(), done.summary(), next_step=f"luthier promote {name}" if asked else f"luthier models show {name}"
    )
