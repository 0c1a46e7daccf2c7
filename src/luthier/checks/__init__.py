"""The promises a table has to keep before a score on it can be believed: one rule a file, listed here."""

from __future__ import annotations

from luthier.checks import (
    after_the_fact,
    capped_target,
    class_imbalance,
    conflicting_duplicates,
    constant_columns,
    dates_as_text,
    declared_shares,
    duplicates,
    fit_scope,
    groups,
    informative_gaps,
    label_errors,
    many_categories,
    mixed_types,
    near_duplicates,
    outliers,
    personal_data,
    reference_sample,
    repeated_columns,
    row_order,
    rows_seen_before,
    target_encoding,
    target_in_disguise,
    time_order,
)
from luthier.checks.check import Check
from luthier.checks.context import Context, Other
from luthier.checks.finding import Answer, Finding, Severity, Silent, not_applicable, not_enough_data
from luthier.checks.runner import Checkup, run_checks

CHECKS: tuple[Check, ...] = (
    # leakage
    target_in_disguise.CHECK,
    target_encoding.CHECK,
    after_the_fact.CHECK,
    duplicates.CHECK,
    near_duplicates.CHECK,
    groups.CHECK,
    time_order.CHECK,
    row_order.CHECK,
    rows_seen_before.CHECK,
    fit_scope.CHECK,
    # labels
    label_errors.CHECK,
    conflicting_duplicates.CHECK,
    # representativeness
    declared_shares.CHECK,
    reference_sample.CHECK,
    # target
    class_imbalance.CHECK,
    capped_target.CHECK,
    # columns
    informative_gaps.CHECK,
    outliers.CHECK,
    many_categories.CHECK,
    constant_columns.CHECK,
    repeated_columns.CHECK,
    mixed_types.CHECK,
    dates_as_text.CHECK,
    # privacy
    personal_data.CHECK,
)
"""Every check; the docs show them in this order."""

__all__ = [
    "CHECKS",
    "Answer",
    "Check",
    "Checkup",
    "Context",
    "Finding",
    "Other",
    "Severity",
    "Silent",
    "not_applicable",
    "not_enough_data",
    "run_checks",
]
