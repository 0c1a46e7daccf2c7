"""`luthier release`: a finished study in, an immutable signed version of a model out."""

from __future__ import annotations

from typing import Annotated

import typer

from luthier.cli.say import answer, errors, want_json
from luthier.errors import MissingExtra, TrackerFailed, UsageError


def release(
    study: Annotated[str, typer.Argument(help="Id of a finished study, or the beginning of one.", metavar="STUDY")],
    name: Annotated[str, typer.Option("--name", "-n", help="What the model is to be called.")],
    waive: Annotated[
        list[str] | None, typer.Option(help='A finding you answer for, as CODE="why"; may be given several times.')
    ] = None,
    why: Annotated[str, typer.Option(help="Why it is released, for the record.")] = "",
    by: Annotated[str | None, typer.Option(help="Who releases it; your user name when left out.")] = None,
    mlflow: Annotated[
        str | None, typer.Option(help="MLflow server to register the version with, as http://127.0.0.1:5000.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Release a study's model as the next version of a name, signed; its files never change after that.

    The first version becomes the champion, later ones the challenger. Exits with 3, naming the gate, when the model
    misses a limit of the section `gates` of luthier.toml; nothing is released then.
    """
    want_json(json)
    from luthier.api import released

    version, history = released(study, name, waive=_waivers(waive or []), why=why, by=by)
    gates = [gate.to_json() for gate in version.gates]
    body = {
        "name": version.name,
        "version": version.version,
        "digest": version.digest,
        "study": version.study,
        "gates": gates,
        "metric": version.metric,
        "score": version.score.to_json(),
        "aliases": history.aliases,
    }
    role = "champion" if history.champion == version.version else "challenger"
    lines = [
        f"{version.reference} released: the {role}, {version.metric} {version.score}",
        f"  digest {version.digest}",
        *(f"  gate {gate['gate']}: {gate['why']}" for gate in gates),
    ]
    next_step = f"luthier promote {version.reference}" if role == "challenger" else f"luthier predict {name} ROWS.csv"
    if mlflow is not None:
        from luthier.mlflow import log_release

        try:
            body["mlflow"] = log_release(version.reference, mlflow)
            lines.append(f"  in MLflow: {body['mlflow']}")
        except (TrackerFailed, MissingExtra) as error:
            errors.print(f"warning: {error.what}", markup=False)
            errors.print(f"fix: {error.fix}", markup=False)
    answer(body, lines, next_step=next_step)


def _waivers(given: list[str]) -> dict[str, str]:
    waivers = {}
    for text in given:
        code, equals, why = text.partition("=")
        if not equals:
            raise UsageError(f"--waive {text} gives no reason", fix=f'write --waive {text}="why it may be so"')
        waivers[code] = why
    return waivers
