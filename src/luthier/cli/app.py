"""The `luthier` command: its verbs, and the one place where an error becomes a message and an exit code.

Exit codes: 0 done, 1 failed, 2 wrong use (nothing was written), 3 a quality gate not met, 130 interrupted.
"""

from __future__ import annotations

import sys

import typer

from luthier.cli import (
    check,
    compare,
    demo,
    doctor,
    evaluate,
    features,
    gc,
    init,
    models,
    monitor,
    predict,
    registered,
    release,
    retune,
    runs,
    serve,
    token,
    tune,
    verify,
)
from luthier.cli.say import complain, errors
from luthier.errors import GateNotMet, LuthierError, UsageError
from luthier.version import __version__

app = typer.Typer(
    help="Hyperparameter tuning you can trust, for the whole life of a model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # [section] of a file is a word in our help, not a style
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


app.command("tune")(tune.tune)
app.command("check")(check.check)
app.command("compare")(compare.compare)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)
app.command("release")(release.release)
app.command("serve")(serve.serve)
app.command("monitor")(monitor.monitor)
app.command("retune")(retune.retune)
app.command("tick")(retune.tick)
app.command("promote")(registered.promote)
app.command("rollback")(registered.rollback)
app.command("retire")(registered.retire)
app.command("verify")(verify.verify)
app.command("init")(init.init)
app.command("demo")(demo.demo)
app.command("gc")(gc.gc)
app.command("doctor")(doctor.doctor)
app.add_typer(runs.app, name="runs")
app.add_typer(models.app, name="models")
app.add_typer(features.app, name="features")
app.add_typer(token.app, name="token")


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        app()
    except LuthierError as error:
        complain(error)
        sys.exit(2 if isinstance(error, UsageError) else 3 if isinstance(error, GateNotMet) else 1)
    except KeyboardInterrupt:
        errors.print("\ninterrupted")
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        sys.stderr.close()
        sys.exit(0)
