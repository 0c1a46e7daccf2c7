"""`luthier check`: a table and a target in; what would flatter a score on it out."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from luthier.cli.say import answer, errors, want_json
from luthier.errors import UsageError

if TYPE_CHECKING:
    from luthier.checks import Checkup, Finding

_MARKS = {"error": "ERROR  ", "warning": "warning", "info": "info   "}


def check(
    file: Annotated[str, typer.Argument(help="Path or glob of CSV, TSV, JSONL or Parquet files.", metavar="FILE")],
    target: Annotated[str, typer.Option("--target", "-t", help="Column to predict.")],
    against: Annotated[
        str | None, typer.Option(help="File of test rows: are any of them among the rows to learn from?")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="File with a sample of those the model is meant for: are the rows like these?")
    ] = None,
    population: Annotated[
        list[str] | None,
        typer.Option(help="Declared shares, such as 'age=18-30:0.2,31-:0.8'; may be given several times."),
    ] = None,
    task: Annotated[str | None, typer.Option(help="binary, multiclass or regression; found when left out.")] = None,
    time: Annotated[str | None, typer.Option(help="Column that orders the rows in time; none for no order.")] = None,
    group: Annotated[str | None, typer.Option(help="Column whose rows must stay together in a fold.")] = None,
    weight: Annotated[str | None, typer.Option(help="Column of row weights.")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Column to leave out; may be given several times.")] = None,
    positive: Annotated[str | None, typer.Option(help="Positive class of a binary target.")] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Code of findings to set aside; may be given several times.")
    ] = None,
    why: Annotated[
        list[str] | None, typer.Option(help="Reason for each --ignore, in the same order, or one for all.")
    ] = None,
    budget: Annotated[str, typer.Option("--budget", "-b", help="Time that all checks may take.")] = "60s",
    seed: Annotated[int, typer.Option(help="Root of all randomness.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Look for what would flatter a score on a table, before anything is tuned.

    Exit code 3 when a finding of severity error stands.
    """
    want_json(json)
    reasons = with_reasons(ignore or [], why or [])
    from luthier.api import check as look

    checkup = look(
        file,
        target,
        against=against,
        reference=reference,
        population=tuple(population or ()),
        task=task,  # type: ignore[arg-type]  # checked where the table is read
        time=False if time == "none" else time,
        group=group,
        weight=weight,
        drop=tuple(drop or ()),
        positive=positive,
        ignore=reasons,
        budget=budget,
        seed=seed,
    )
    given = {"task": task, "time": time, "group": group, "weight": weight, "positive": positive}
    options = [f"--{name} {shlex.quote(value)}" for name, value in given.items() if value is not None]
    options += [f"--drop {shlex.quote(column)}" for column in drop or []]
    tune = " ".join(["luthier tune", shlex.quote(file), "--target", shlex.quote(target), *options])
    answer(checkup.to_dict(), lines_of(checkup), next_step=checkup.findings[0].fix if checkup.failed else tune)
    if checkup.failed:
        errors.print("a finding of severity error stands: mend it, or set it aside with --ignore CODE --why '...'")
        raise typer.Exit(3)


def with_reasons(codes: list[str], reasons: list[str]) -> dict[str, str]:
    """The reason for every code that is set aside.

    Raises
    ------
    UsageError
        A code has no reason, or a reason no code.
    """
    if len(reasons) == 1:
        reasons = reasons * len(codes)
    if len(codes) != len(reasons):
        raise UsageError(
            f"{len(codes)} codes are set aside and {len(reasons)} reasons given",
            fix="say why with every --ignore: --ignore CODE --why 'known, and meant'",
        )
    return dict(zip(codes, reasons, strict=True))


def lines_of(checkup: Checkup) -> list[str]:
    """What the checks said, as lines for people."""
    lines = [line for finding in checkup.findings for line in _lines(finding)]
    lines += [f"ignored {finding.code}: {finding.title} (because: {why})" for finding, why in checkup.ignored]
    lines += [f"{said.kind}: {code}: {said.why}" for code, said in checkup.silent.items()]
    if checkup.quiet:
        lines.append(f"nothing found by {', '.join(checkup.quiet)}")
    return lines


def _lines(finding: Finding) -> list[str]:
    return [f"{_MARKS[finding.severity]} {finding.code}: {finding.title}", f"        fix: {finding.fix}"]
