"""`luthier init`: a folder becomes a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luthier.cli.say import answer, want_json


def init(
    folder: Annotated[Path, typer.Argument(help="The project's folder.", metavar="FOLDER")] = Path(),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Make a project: a store, a pair of ed25519 keys that sign releases, and a commented luthier.toml.

    What is there already is left as it is.
    """
    want_json(json)
    from luthier.api import init as make

    body = make(folder)
    lines = [f"made {path}" for path in body["made"]] or ["everything is there already"]
    lines.append(f"releases are signed by the key {body['key_id'][:16]}; its public half is {body['public_key']}")
    answer(body, lines, next_step="luthier tune FILE --target COLUMN")
