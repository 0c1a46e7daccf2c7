"""How commands speak: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

from luthier.errors import LuthierError

errors = Console(stderr=True, highlight=False, soft_wrap=True)

_json_wanted = False


def want_json(wanted: bool) -> None:
    """Say from now on everything as one JSON object on standard output."""
    global _json_wanted  # noqa: PLW0603  (a process has one standard output, so it has one way of using it)
    _json_wanted = wanted


def answer(body: dict[str, Any], lines: list[str], *, next_step: str | None = None) -> None:
    """The outcome of a command: an object for programs, lines and the next step for people."""
    if _json_wanted:
        sys.stdout.write(json.dumps(body, allow_nan=False, indent=2) + "\n")
        return
    for line in lines:
        sys.stdout.write(line + "\n")
    if next_step is not None:
        sys.stdout.write(f"next: {next_step}\n")


def complain(error: LuthierError, *, apart: bool = False) -> None:
    """An error on standard error, and under --json as the object programs wait for, unless they have theirs apart."""
    if _json_wanted and not apart:
        sys.stdout.write(json.dumps({"error": error.to_json()}, indent=2) + "\n")
    errors.print(f"[bold red]error[/] {error.code}", end=": ")
    errors.print(error.what, markup=False)
    errors.print("[bold]fix:[/]", end=" ")
    errors.print(error.fix, markup=False)
