"""The service: JSON API, SPARQL endpoint, pages and command line over graph and matcher."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from service.core.runtime import Runtime
    from service.core.settings import Settings


def create_app(source: Settings | Runtime) -> Flask:
    """Make the Flask application of an open runtime, or of one opened from settings.

    Flask is imported here, so that ``passerelle --help`` need not wait for it.
    """
    from service.app import build
    from service.core.runtime import Runtime

    return build(source if isinstance(source, Runtime) else Runtime(source))
