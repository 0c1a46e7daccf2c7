"""`luthier verify`: is it still what was written and signed?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luthier.cli.say import answer, complain, want_json


def verify(
    target: Annotated[
        str, typer.Argument(help="A registered name, a study, a report, or a model's folder.", metavar="TARGET")
    ],
    key: Annotated[
        Path | None, typer.Option(help="Public key to trust beside those of the project.", metavar="FILE")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Recompute hashes, signatures and the event chain, and name the first thing that does not fit.

    Exits with 1 when something does not fit.
    """
    want_json(json)
    from luthier.api import verify as recompute

    found = recompute(target, key=key)
    counted = ", ".join(f"{n} {what.removesuffix('s') if n == 1 else what}" for what, n in found.checked.items())
    if found.problem is None:
        answer(found.to_json(), [f"{found.kind} {target}: everything fits ({counted})"], next_step="luthier models")
        return
    answer(found.to_json(), [f"{found.kind} {target}: does NOT fit"])
    complain(found.problem, apart=True)
    raise typer.Exit(1)
