"""Figures under another rule, as clients and the command line see them."""

from typing import Any

from projections.checks.what_if import Mover, WhatIf
from service.values import shown


def what_if_view(report: WhatIf) -> dict[str, Any]:
    figures = {
        name: {
            **{key: shown(getattr(movement, key)) for key in ("before", "after", "up", "down", "unchanged")},
            "furthest_up": [_mover(each) for each in movement.furthest_up],
            "furthest_down": [_mover(each) for each in movement.furthest_down],
        }
        for name, movement in report.figures.items()
    }
    return {name: getattr(report, name) for name in WhatIf.__struct_fields__} | {"figures": figures}


def _mover(mover: Mover) -> dict[str, Any]:
    values = {"before": mover.before, "after": mover.after, "by": mover.by}
    return {"customer_id": mover.customer_id, **{name: shown(value) for name, value in values.items()}}
