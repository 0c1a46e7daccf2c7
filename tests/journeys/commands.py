"""Commands as a user types them: in a process of their own, or in this one where that is not what a test is about."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from luthier.cli import main

Done = subprocess.CompletedProcess[str]


def luthier(*words: str, cwd: Path, check: int | None = 0) -> Done:
    """The command in this very process, which has loaded the libraries already."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.chdir(cwd),
        mock.patch.object(sys, "argv", ["luthier", *words]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
    return _checked(Done(["luthier", *words], code, out.getvalue(), err.getvalue()), check)


def luthier_alone(*words: str, cwd: Path, check: int | None = 0, **env: str) -> Done:
    """The command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "luthier.cli", *words],
        check=False, cwd=cwd, capture_output=True, text=True, timeout=300, env={**os.environ, **env},
    )  # fmt: skip
    return _checked(done, check)


def _checked(done: Done, code: int | None) -> Done:
    if code is not None:
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done
