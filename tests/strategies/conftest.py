"""Hypothesis without a deadline: on a busy machine the clock says nothing about the code."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
