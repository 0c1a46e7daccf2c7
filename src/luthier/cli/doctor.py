"""`luthier doctor`: is this installation fit for work?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from luthier.cli.say import answer, want_json


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Look at the installation: libraries, extras, cores, memory, the store and a worker process.

    Exits with 1 when something would keep `luthier tune` from working.
    """
    want_json(json)
    from luthier.api import diagnose

    findings = diagnose()
    good = all(finding["ok"] for finding in findings)
    lines = [f"{_mark(finding)} {finding['what']}: {finding['found']}" for finding in findings]
    lines += [f"  fix: {finding['fix']}" for finding in findings if not finding["ok"] and finding["fix"]]
    next_step = "luthier demo" if good else "mend what is marked, then run `luthier doctor` again"
    answer({"ok": good, "findings": findings}, lines, next_step=next_step)
    if not good:
        raise typer.Exit(1)


def _mark(finding: dict[str, Any]) -> str:
    return "ok  " if finding["ok"] else "BAD "
