"""The command line: every command parses, calls a verb of the library and says what came of it."""

from __future__ import annotations

from luthier.cli.app import main

__all__ = ["main"]
