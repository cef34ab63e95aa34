"""Headers of a request."""

from litestar.types import HTTPScope, Scope


def header(scope: HTTPScope | Scope, name: bytes) -> str | None:
    """The first of this name. The framework's mapping decodes all, of which few are ever looked at."""
    for known, value in scope["headers"]:
        if known == name:
            return value.decode("latin-1")
    return None
