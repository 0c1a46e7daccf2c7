"""`luthier token`: who may ask a server that others can reach."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from luthier.cli.say import answer, want_json

app = typer.Typer(help="Tokens for a server that others can reach: new, list, revoke.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


@app.command()
def new(
    role: Annotated[
        str, typer.Option(help="reader (looks), predictor (also asks and tells labels) or operator (everything).")
    ] = "predictor",
    label: Annotated[str, typer.Option(help="Who it is for.")] = "",
    json: _Json = False,
) -> None:
    """Make a token. It is shown once; only its hash is kept."""
    want_json(json)
    from luthier.store.tokens import new_token
    from luthier.web.settings import tokens_file

    token, entry = new_token(tokens_file(), role, label)
    answer({"token": token, "id": entry.id, "role": role}, [token], next_step='send "authorization: Bearer TOKEN"')


@app.command("list")
def list_tokens(json: _Json = False) -> None:
    """List the tokens that are valid, by the beginning of their hashes."""
    want_json(json)
    from luthier.store.tokens import read_tokens
    from luthier.web.settings import tokens_file

    entries = read_tokens(tokens_file())
    lines = [f"{entry.id}  {entry.role}  {entry.created_at_utc}  {entry.label}" for entry in entries]
    next_step = "luthier token revoke ID" if entries else "luthier token new"
    answer({"tokens": [{"id": one.id, **asdict(one)} for one in entries]}, lines or ["no tokens"], next_step=next_step)


@app.command()
def revoke(
    number: Annotated[str, typer.Argument(help="Id of a token, or the beginning of one.", metavar="ID")],
    json: _Json = False,
) -> None:
    """Make a token invalid; a running server knows it within a second."""
    want_json(json)
    from luthier.store.tokens import revoke_token
    from luthier.web.settings import tokens_file

    entry = revoke_token(tokens_file(), number)
    answer({"revoked": entry.id}, [f"revoked {entry.id} ({entry.role})"], next_step="luthier token list")
