"""Style, script and mark of the console: read once, compressed once, and kept by browsers under a digest's address."""

import gzip
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

from litestar import get
from litestar.params import FromPath

from api.handling.serving import AnyRequest
from api.http.headers import header
from api.http.html import Html
from api.http.paths import ASSETS
from api.http.refusals import NoRoute

TYPES = {".css": b"text/css; charset=utf-8", ".js": b"text/javascript; charset=utf-8", ".svg": b"image/svg+xml"}
FOR_EVER = b"public, max-age=31536000, immutable"


class Asset(NamedTuple):
    type: bytes
    content: bytes
    compressed: bytes


def _read() -> dict[str, Asset]:
    found = sorted(files("api.console").joinpath("static").iterdir(), key=lambda file: file.name)
    contents = {file.name: file.read_bytes() for file in found}
    return {
        name: Asset(TYPES[name[name.rindex(".") :]], content, gzip.compress(content, mtime=0))
        for name, content in contents.items()
    }


FILES = _read()
DIGEST = sha256(b"".join(asset.content for asset in FILES.values())).hexdigest()[:12]
ASSETS_PATH = f"{ASSETS}{DIGEST}"


@get("/assets/{digest:str}/{name:str}")
async def send_asset(request: AnyRequest, digest: FromPath[str], name: FromPath[str]) -> Html:
    """A page of another version may ask for what is here: it gets that, and does not keep it."""
    asset = FILES.get(name)
    if asset is None:
        raise NoRoute
    headers = [
        (b"content-type", asset.type),
        (b"cache-control", FOR_EVER if digest == DIGEST else b"no-store"),
        (b"vary", b"accept-encoding"),
    ]
    if "gzip" in (header(request.scope, b"accept-encoding") or ""):
        return Html(asset.compressed, headers=[*headers, (b"content-encoding", b"gzip")])
    return Html(asset.content, headers=headers)
