"""Luthier beside MLflow: studies and released models where people already track. Needs the extra `luthier[mlflow]`."""

from __future__ import annotations

from luthier.mlflow.tracking import log_release, log_study

__all__ = ["log_release", "log_study"]
