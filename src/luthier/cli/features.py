"""`luthier features`: feature views, defined once in Python, for training and for serving."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from luthier.cli.say import answer, errors, want_json
from luthier.errors import UsageError

app = typer.Typer(help="Feature views: apply, list, check, join, materialize, get.", no_args_is_help=False)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
_Views = Annotated[str | None, typer.Option("--views", help="Names of views, separated by commas; all when left out.")]


@app.callback(invoke_without_command=True)
def _default(context: typer.Context, json: _Json = False) -> None:
    if context.invoked_subcommand is None:
        list_all(json=json)


@app.command("list")
def list_all(json: _Json = False) -> None:
    """List the applied views: their features, since when they are served, and who uses them."""
    want_json(json)
    from luthier.features import list_views

    views = list_views()
    lines = [line for view in views for line in _described(view)] or ["no feature views yet"]
    next_step = "luthier features materialize" if views else "luthier features apply FILE.py"
    answer({"views": views}, lines, next_step=next_step)


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="Python file that makes FeatureView values.", metavar="FILE")],
    force: Annotated[bool, typer.Option("--force", help="Also where it breaks those who use a view.")] = False,
    json: _Json = False,
) -> None:
    """Put the views that a Python file defines in force; the file is run."""
    want_json(json)
    from luthier.features import apply as put_in_force

    changes = put_in_force(file, force=force)
    for change in changes:
        for use in change["consumers"]:
            errors.print(f"warning: {use['kind']} {use['name']} uses what changed: {', '.join(change['breaks'])}")
    names = ",".join(change["name"] for change in changes)
    lines = [f"{change['name']}: {change['change']}" for change in changes]
    answer({"views": changes}, lines, next_step=f"luthier features join ROWS.csv --views {names} --at TIME_COLUMN")


@app.command()
def check(views: _Views = None, json: _Json = False) -> None:
    """Run the views' tests on their sources; exit code 3 if one fails."""
    want_json(json)
    from luthier.features import check as run_tests

    tested = run_tests(names_in(views))
    lines = [f"{one.view}: {one}" for one in tested] or ["the views have no tests"]
    failed = sum(not one.holds for one in tested)
    answer(
        {"tests": [one.to_json() for one in tested]},
        lines,
        next_step=None if failed else "luthier features materialize",
    )
    if failed:
        raise typer.Exit(3)


@app.command()
def materialize(
    views: _Views = None,
    as_of: Annotated[
        str | None, typer.Option(help="Moment from which on it answers (ISO 8601); now if left out.")
    ] = None,
    json: _Json = False,
) -> None:
    """Compute what is served of the views. An interrupted run is gone on with."""
    want_json(json)
    from luthier.features import materialize as compute

    done = compute(names_in(views), as_of=_moment(as_of))
    lines = [
        f"{one.view}: {one.n_rows:,} rows, as of {one.as_of}"
        + (f" ({one.n_resumed} of {one.n_parts} parts were there already)" if one.n_resumed else "")
        for one in done
    ]
    answer({"materialized": [asdict(one) for one in done]}, lines, next_step="luthier features get KEY=VALUE")


@app.command()
def get(
    entity: Annotated[list[str], typer.Argument(help="Keys of the entity, as customer=7.", metavar="KEY=VALUE...")],
    views: _Views = None,
    at: Annotated[
        str | None, typer.Option(help="Moment since the materialization (ISO 8601); now if left out.")
    ] = None,
    json: _Json = False,
) -> None:
    """Show the materialized features of one entity."""
    want_json(json)
    from luthier.features import get as look_up

    pairs = [pair.partition("=") for pair in entity]
    if wrong := [pair for pair, (_, equals, _) in zip(entity, pairs, strict=True) if not equals]:
        raise UsageError(f"{wrong[0]!r} does not say which key it is", fix=f"write KEY={wrong[0]}")
    keys = {key: value for key, _, value in pairs}
    found = look_up(keys, names_in(views), at=_moment(at))
    lines = [f"{name} = {'missing' if value is None else value}" for name, value in found.items()]
    answer({"entity": keys, "features": found}, lines, next_step="luthier tune FILE --target COLUMN --features VIEWS")


@app.command()
def join(
    file: Annotated[str, typer.Argument(help="Path or glob of the rows, with the keys of the views.", metavar="FILE")],
    views: _Views = None,
    at: Annotated[str | None, typer.Option(help="Column of the rows' moments; now when left out.")] = None,
    out: Annotated[Path | None, typer.Option(help="CSV or Parquet file to write; standard output if left out.")] = None,
    json: _Json = False,
) -> None:
    """Add features to rows, as they were known at each row's moment: as many rows out as in."""
    want_json(json)
    from luthier.features import join as join_to
    from luthier.features import list_views

    names = names_in(views) or [view["name"] for view in list_views()]
    table = join_to(file, names, at=at)
    added = [str(column) for column in table.columns if "__" in str(column) and str(column).split("__")[0] in names]
    body: dict[str, Any] = {"rows": len(table), "columns": added, "out": None if out is None else str(out)}
    if out is None:
        csv = table.to_csv(index=False)
        answer(body | {"csv": csv}, csv.splitlines())
        return
    _write(table, out)
    lines = [f"{len(table):,} rows with {len(added)} features written to {out}"]
    answer(body, lines, next_step=f"luthier tune {out} --target COLUMN")


def names_in(text: str | None) -> list[str]:
    """Names separated by commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _write(table: Any, out: Path) -> None:
    from luthier.store import write_text_atomic

    if out.suffix == ".parquet":
        import duckdb

        with duckdb.connect() as connection:
            connection.register("joined", table)
            connection.execute("COPY joined TO ? (FORMAT parquet)", [str(out)])
        return
    if out.suffix != ".csv":
        raise UsageError(f"{out} is neither .csv nor .parquet", fix="give the file one of these endings")
    write_text_atomic(out, table.to_csv(index=False))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no moment", fix="write it as 2026-01-31T12:00:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _described(view: dict[str, Any]) -> list[str]:
    served = view["materialized_as_of"]
    lines = [
        f"{view['name']} of {', '.join(view['keys'])}: {', '.join(feature['name'] for feature in view['features'])}",
        f"  from {view['source']}; " + ("not materialized" if served is None else f"served as of {served}"),
    ]
    if view["consumers"]:
        lines.append("  used by " + ", ".join(f"{use['kind']} {use['name']}" for use in view["consumers"]))
    return lines
