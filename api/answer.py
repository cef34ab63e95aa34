"""Answers: JSON with amounts as numbers, and the version of the customer that they are about."""

from typing import Any

import msgspec
from litestar import Response

encode = msgspec.json.Encoder(decimal_format="number").encode


def answer(body: Any, *, status: int = 200, version: int | None = None) -> Response[bytes]:
    """`version` is the customer's, sent as ETag."""
    headers = {} if version is None else {"ETag": f'"{version}"'}
    return Response(encode(body), status_code=status, media_type="application/json", headers=headers)
