"""Luthier beside Feast: our views as a Feast repository, and a Feast repository's services as tables and rows.

Needs the extra `luthier[feast]` to read; to export needs nothing.
"""

from __future__ import annotations

from luthier.feast.exporting import export_repository
from luthier.feast.reading import FeastJoin, historical_features, online_features

__all__ = ["FeastJoin", "export_repository", "historical_features", "online_features"]
