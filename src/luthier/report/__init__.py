"""Say it to people: the facts of a run, the page made of them, and the lines for the terminal."""

from __future__ import annotations

from luthier.report.facts import (
    BaselineFacts,
    ColumnFacts,
    DataFacts,
    FailureFacts,
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
from luthier.report.html import render
from luthier.report.text import summary

__all__ = [
    "BaselineFacts",
    "ColumnFacts",
    "DataFacts",
    "FailureFacts",
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
    "render",
    "summary",
]
