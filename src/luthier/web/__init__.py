"""The HTTP face: a model behind an address, with its log, its feedback and its pages.

`settings` is what was asked for; `live` the versions that answer now; `bodies` what may come in; `predicting`,
`explaining` and `feedback` the verbs; `traffic` the way into the log; `access` who may; `metrics` for Prometheus;
`contract` the OpenAPI document; `application` puts them together and `server` runs them.
"""

from __future__ import annotations

from luthier.web.server import serve_model
from luthier.web.settings import Limits, ServeSettings, as_promise

__all__ = ["Limits", "ServeSettings", "as_promise", "serve_model"]
