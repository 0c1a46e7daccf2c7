"""Write the reference pages from the code that they describe: `python docs/make.py`.

A test compares the pages in docs/reference with what this would write, so they cannot fall behind.
"""
# ruff: noqa: INP001 - a script that stands alone, not a package

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

import luthier
from luthier import errors
from luthier.checks import CHECKS
from luthier.cli.app import app
from luthier.models.catalogue import FAMILIES
from luthier.scoring.metrics import METRICS
from luthier.strategies import STRATEGIES

HERE = Path(__file__).parent / "reference"
MADE = "<!-- made by docs/make.py from the code; change it there -->"


def pages() -> dict[str, str]:
    """Return file name -> text of every page."""
    made = {
        "checks.md": _checks(),
        "command-line.md": _command_line(),
        "errors.md": _errors(),
        "metrics.md": _metrics(),
        "models.md": _classes(
            "Models", "What `--models` and `models=` take. Each brings the preprocessing that it needs.", FAMILIES
        ),
        "python.md": _verbs(),
        "strategies.md": _classes(
            "Strategies",
            "What `--strategy` and `strategy=` take, besides `auto` (what did best on other tables and every family's "
            "default, then `gp`) and any of "
            "Optuna's samplers as `optuna:NAME`.",
            STRATEGIES,
        ),
    }
    return {name: f"{MADE}\n\n{text.strip()}\n" for name, text in made.items()}


def _classes(title: str, intro: str, kinds: Mapping[str, Any]) -> str:
    parts = [f"# {title}", intro]
    for name, kind in kinds.items():
        parts += [f"## {name}", _prose(kind)]
    return "\n\n".join(parts)


def _checks() -> str:
    intro = (
        "What `luthier check` looks for, and `luthier tune` within a tenth of its budget. `--ignore CODE --why REASON` "
        "sets findings aside. A check may also say that it does not apply, or that the rows or seconds are too few."
    )
    parts = ["# Checks", intro]
    for check in CHECKS:
        parts += [f"## {check.code}", f"*{check.question}*", _prose(check.look)]
    return "\n\n".join(parts)


def _metrics() -> str:
    rows = ["| metric | better | tasks |", "|---|---|---|"]
    for name, metric in METRICS.items():
        better = "higher" if metric.greater_is_better else "lower"
        rows.append(f"| `{name}` | {better} | {', '.join(sorted(metric.tasks))} |")
    intro = (
        "What `--metric` and `metric=` take; `metric=` also takes a function of your own and scikit-learn's scorers."
    )
    return "\n\n".join(["# Metrics", intro, "\n".join(rows)])


def _errors() -> str:
    found = {
        kind.code: kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.LuthierError)
    }
    parts = ["# Errors", "Every message ends with what to do next. Exit code 2 is wrong use: nothing was written."]
    for code, kind in sorted(found.items()):
        usage = " (wrong use)" if issubclass(kind, errors.UsageError) else ""
        parts += [f"## {code} {kind.__name__}{usage}", _prose(kind)]
    return "\n\n".join(parts)


def _verbs() -> str:
    parts = ["# Python", luthier.__doc__.split("\n")[0] if luthier.__doc__ else ""]
    for name in (
        "check",
        "tune",
        "compare",
        "evaluate",
        "optimize",
        "drift",
        "monitor",
        "retune",
        "tick",
        "load",
        "release",
        "promote",
        "rollback",
        "retire",
        "list_models",
        "history_of",
        "verify",
        "init",
    ):
        verb = getattr(luthier, name)
        parts += [f"## luthier.{name}", f"```text\n{inspect.cleandoc(verb.__doc__ or '')}\n```"]
    return "\n\n".join(parts)


def _command_line() -> str:
    codes = "0 done, 1 failed, 2 wrong use (nothing was written), 3 a quality gate not met, 130 interrupted"
    parts = ["# Command line", f"Every verb has `--help`. Exit codes: {codes}."]
    for path, command in _commands("luthier", typer.main.get_command(app)):
        parts += [f"## {path}", inspect.cleandoc(command.help or "")]
        rows = ["| option | what it is | default |", "|---|---|---|"]
        for option in command.params:
            names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
            names = names if option.param_type_name == "option" else f"`{option.metavar or option.name.upper()}`"
            default = "" if option.default is None or callable(option.default) else f"`{option.default}`"
            text = _in_a_table(getattr(option, "help", None) or "")
            rows.append(f"| {names} | {text} | {default} |")
        if command.params:
            parts.append("\n".join(rows))
    return "\n\n".join(parts)


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if not inner:
        yield path, command
        return
    for name, one in inner.items():
        yield from _commands(f"{path} {name}", one)


def _in_a_table(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _prose(kind: Any) -> str:
    """The docstring down to its first numpydoc section: what is for readers, not for callers."""
    text = inspect.cleandoc(kind.__doc__ or "")
    return re.split(r"\n[A-Z][a-z]+\n-{3,}\n", text)[0].strip()


def main() -> None:
    """Write the pages, and say which."""
    HERE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
        print(f"{HERE.name}/{name}: {len(text):,} characters")  # noqa: T201 - a script says what it made


if __name__ == "__main__":
    main()
