"""`luthier gc`: what the store holds and nobody refers to."""

from __future__ import annotations

from typing import Annotated

import typer

from luthier.cli.say import answer, want_json


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Remove stored bytes that no study and no release refers to; nothing else ever removes them."""
    want_json(json)
    from luthier.api import collect_objects

    found = collect_objects(dry_run=dry_run)
    size = f"{found['n_objects']} objects, {found['n_bytes'] / 1e6:.1f} MB"
    line = f"{size} would be removed" if dry_run else f"{size} removed"
    answer(found, [line], next_step="luthier gc" if dry_run and found["n_objects"] else "luthier models")
