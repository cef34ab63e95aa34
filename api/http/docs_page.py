"""The page that shows the OpenAPI document: Swagger UI, served from here, so that it works without the internet too."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from litestar import Request, Router
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.static_files import create_static_files_router

DOCS = "/docs"
_OURS = Path(str(files("api"))) / "data" / "docs"


class DocsPage(OpenAPIRenderPlugin):
    """Litestar's own has an inline script, which no page that shows what strangers wrote should allow."""

    def __init__(self) -> None:
        super().__init__(path="/")
        self._page = (_OURS / "index.html").read_bytes()

    def render(self, _request: Request[Any, Any, Any], _openapi_schema: dict[str, Any]) -> bytes:
        return self._page


def docs_assets() -> Router:
    """Scripts and style."""
    return create_static_files_router(f"{DOCS}/assets", [str(_OURS), str(files("swagger_ui") / "static")])
