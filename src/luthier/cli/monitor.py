"""`luthier monitor`: a model in use, held against what it was made for and promised."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from luthier.cli.say import answer, errors, want_json

if TYPE_CHECKING:
    from luthier.api import MonitorResult


def monitor(
    model: Annotated[
        str, typer.Argument(help="Name of a registered model, or folder of a saved one.", metavar="NAME|MODEL_FOLDER")
    ],
    on: Annotated[
        str | None, typer.Option(help="Rows to look at instead of the server's log: a path or glob of files.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="Rows with the target to hold against, where no baseline was kept.")
    ] = None,
    html: Annotated[str | None, typer.Option(help="Write the page to this file.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again until interrupted.")] = False,
    every: Annotated[str, typer.Option(help="With --watch: time between looks.")] = "10s",
    send: Annotated[
        bool, typer.Option("--send", help="Send new alarms by the channels of [alarms] in luthier.toml, each once.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Say whether a model in use is asked what it was made for, and delivers what it promised.

    Ends with code 3 when there is an alarm, or the promise is broken.
    """
    want_json(json)
    from luthier.api import monitor as look_at
    from luthier.tuning import Budget

    pause_s = Budget.parse(every).seconds or 10.0

    def look() -> MonitorResult:
        found = look_at(model, on=on, reference=reference, send=send)
        if html is not None:
            found.report(html)
        return found

    found = look()
    if watch:
        while True:
            if errors.is_terminal:
                errors.clear()
            errors.print("\n".join(found.summary()), markup=False)
            time.sleep(pause_s)
            found = look()
    lines = found.summary() + ([f"page: {html}"] if html is not None else [])
    body = {**found.to_dict(), "html": html}
    alarmed = found.facts.tone == "bad"
    answer(body, lines, next_step=f"luthier retune {model}" if alarmed else f"luthier monitor {model} --watch")
    if alarmed:
        raise typer.Exit(3)
