"""Names for studies that sort by age, can be read aloud, and never meet."""

from __future__ import annotations

import re
import secrets
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o or u to be misread."""

_N_RANDOM = 4

STUDY_ID = re.compile(rf"\d{{8}}-\d{{6}}-[{_ALPHABET}]{{{_N_RANDOM}}}")


def new_study_id(now: datetime) -> str:
    """Date and second of birth, then about a million possibilities; the store tries again should two ever meet.

    >>> from datetime import UTC, datetime
    >>> new_study_id(datetime(2025, 3, 1, 14, 5, 9, tzinfo=UTC))[:16]
    '20250301-140509-'
    """
    return f"{now:%Y%m%d-%H%M%S}-{''.join(secrets.choice(_ALPHABET) for _ in range(_N_RANDOM))}"
