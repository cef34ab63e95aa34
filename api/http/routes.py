"""Routers that are registered once."""

from typing import Any, Self

from litestar import Router


class Routes(Router):
    """Litestar copies every router that it is given, with all its handlers, which took half of a start."""

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self
