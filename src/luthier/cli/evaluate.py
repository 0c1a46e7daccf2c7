"""`luthier evaluate`: a tuned model in; how far to believe it out."""

from __future__ import annotations

from typing import Annotated

import typer

from luthier.cli.say import answer, errors, want_json


def evaluate(
    what: Annotated[
        str,
        typer.Argument(
            help="Id of a study, name of a registered model, or folder of a saved one.", metavar="STUDY|MODEL"
        ),
    ],
    on: Annotated[
        str | None, typer.Option(help="New rows with their outcome: does the model keep its promise on them?")
    ] = None,
    cost: Annotated[
        str | None, typer.Option(help='What errors cost: "fn=50,fp=2"; chooses the threshold that costs least.')
    ] = None,
    threshold: Annotated[
        str | None, typer.Option(help='How to choose the threshold: "f1", "precision>=0.9", "recall>=0.8", or "0.3".')
    ] = None,
    groups: Annotated[
        str | None, typer.Option(help='Columns whose groups to compare, features or not: "sex,region".')
    ] = None,
    drivers: Annotated[
        bool,
        typer.Option("--drivers", help="Which columns the answers rest on; fits what is shipped on every fold again."),
    ] = False,
    learning_curve: Annotated[
        bool, typer.Option("--learning-curve", help="Would more rows help; fits what is shipped on fewer rows.")
    ] = False,
    stability: Annotated[
        bool, typer.Option("--stability", help="What hangs on luck; fits what is shipped with other seeds and rows.")
    ] = False,
    audit: Annotated[
        bool, typer.Option("--audit", help="Tune anew on parts of the rows, three times, and judge on the others.")
    ] = False,
    report: Annotated[str | None, typer.Option(help="Write the whole report, as one HTML file, here.")] = None,
    data: Annotated[
        str | None, typer.Option(help="The study's own table, if it is no longer where it was tuned from.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Say how far to believe a tuned model; nothing is trained again, but for --drivers,
    --learning-curve, --stability and --audit.

    Ends with code 3 when new rows (--on) show it to be worse than promised beyond what luck explains.
    """
    want_json(json)
    from luthier.api import evaluate as evaluate_model

    found = evaluate_model(
        what,
        on=on,
        cost=cost,
        threshold=threshold,
        groups=groups or (),
        data=data,
        report=report,
        drivers=drivers,
        learning_curve=learning_curve,
        stability=stability,
        audit=audit,
        say=lambda line: errors.print(line, style="dim"),
    )
    next_step = "luthier tune NEW_TABLE --target ..." if found.contradicted else f"luthier runs show {found.study}"
    answer(found.to_json(), found.lines(), next_step=next_step)
    if found.contradicted:
        raise typer.Exit(3)
