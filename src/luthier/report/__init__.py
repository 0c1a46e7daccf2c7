"""Say it to people: the facts of a run, the page made of them, and the lines for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luthier.lazily import lazily

if TYPE_CHECKING:
    from luthier.report.comparison_facts import ComparisonFacts
    from luthier.report.comparison_html import render_comparison
    from luthier.report.comparison_text import comparison_summary
    from luthier.report.facts import (
        BaselineFacts,
        ColumnFacts,
        DataFacts,
        FailureFacts,
        FinalFacts,
        MemberFacts,
        MetricFacts,
        NoteFacts,
        ProgressPoint,
        ReportFacts,
        RunFacts,
        SourceFacts,
        SplitFacts,
        TrialFacts,
        UsageFacts,
        VerdictFacts,
    )
    from luthier.report.html import prepare, render
    from luthier.report.text import summary

__all__ = [
    "BaselineFacts",
    "ColumnFacts",
    "ComparisonFacts",
    "DataFacts",
    "FailureFacts",
    "FinalFacts",
    "MemberFacts",
    "MetricFacts",
    "NoteFacts",
    "ProgressPoint",
    "ReportFacts",
    "RunFacts",
    "SourceFacts",
    "SplitFacts",
    "TrialFacts",
    "UsageFacts",
    "VerdictFacts",
    "comparison_summary",
    "prepare",
    "render",
    "render_comparison",
    "summary",
]

__getattr__ = lazily(
    __name__,
    {
        "report.comparison_facts": ("ComparisonFacts",),
        "report.comparison_html": ("render_comparison",),
        "report.comparison_text": ("comparison_summary",),
        "report.facts": (
            "BaselineFacts",
            "ColumnFacts",
            "DataFacts",
            "FailureFacts",
            "FinalFacts",
            "MemberFacts",
            "MetricFacts",
            "NoteFacts",
            "ProgressPoint",
            "ReportFacts",
            "RunFacts",
            "SourceFacts",
            "SplitFacts",
            "TrialFacts",
            "UsageFacts",
            "VerdictFacts",
        ),
        "report.html": ("prepare", "render"),
        "report.text": ("summary",),
    },
)
