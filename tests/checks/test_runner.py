"""Every check has its say, or says why not, and all of them together keep to their seconds."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

import luthier
from luthier.checks import CHECKS, Answer, Check, Context, Finding, not_applicable, run_checks
from luthier.data import make_dataset
from luthier.errors import UnknownChoice

FRAME = pd.DataFrame({"a": np.arange(40.0) % 7, "y": np.arange(40) % 2})
CONTEXT = Context(make_dataset(FRAME, "y"))


def saying(code: str, severity: str = "warning") -> Check:
    finding = Finding(code, "so it is", severity, ("a",), {}, "drop it")  # type: ignore[arg-type]
    return Check(code, "is it?", lambda _: (finding,))


def test_the_most_severe_comes_first_and_an_error_fails() -> None:
    checkup = run_checks(
        [saying("a.info", "info"), saying("b.error", "error"), saying("c.warning")], CONTEXT, clock=lambda: 0.0
    )
    assert [finding.severity for finding in checkup.findings] == ["error", "warning", "info"]
    assert checkup.failed


def test_what_is_ignored_is_kept_with_its_reason_and_fails_nothing() -> None:
    checkup = run_checks([saying("b.error", "error")], CONTEXT, clock=lambda: 0.0, ignore={"b.error": "meant so"})
    assert not checkup.findings
    assert not checkup.failed
    assert checkup.to_dict()["ignored"][0]["why"] == "meant so"


def test_a_check_that_cannot_say_is_not_a_check_that_found_nothing() -> None:
    def silent(_: Context) -> Answer:
        return not_applicable("there is no clock")

    def content(_: Context) -> Answer:
        return ()

    checkup = run_checks([Check("a.a", "?", silent), Check("b.b", "?", content)], CONTEXT, clock=lambda: 0.0)
    assert checkup.quiet == ("b.b",)
    assert checkup.silent["a.a"].kind == "not applicable"


def test_a_check_too_slow_for_what_is_left_says_so_and_the_quick_ones_still_run() -> None:
    ticks = itertools.count()
    slow = Check("a.slow", "?", lambda _: pytest.fail("it ran"), seconds=lambda _: 100.0)
    checkup = run_checks([slow, saying("b.quick")], CONTEXT, clock=lambda: float(next(ticks)), allowance_s=50.0)
    assert checkup.silent["a.slow"].kind == "out of time"
    assert [finding.code for finding in checkup.findings] == ["b.quick"]


def test_every_check_has_a_code_a_question_and_a_page() -> None:
    codes = [check.code for check in CHECKS]
    assert len(set(codes)) == len(codes)
    for check in CHECKS:
        assert check.question.endswith("?")
        assert check.look.__doc__


def test_a_code_that_no_check_has_is_refused() -> None:
    with pytest.raises(UnknownChoice, match=r"leak\.target"):
        luthier.check(FRAME, "y", ignore={"leak.tarket": "because"})
