"""What is given to Prometheus and Grafana: rules that a page explains, of metrics that there are."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.test_imports import ROOT

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "custodiary.json"
PAGE = (ROOT / "docs" / "watching.md").read_text()
METRIC = re.compile(r"custodiary_\w+")
PROMTOOL = shutil.which("promtool")


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(ALERTS.read_text())["groups"]
    return list(group["rules"])


def metrics(text: str) -> set[str]:
    return {name.removesuffix("_bucket") for name in METRIC.findall(text)}


def test_the_page_has_every_alert_with_its_expression() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| `([^`]+)`", PAGE, re.MULTILINE)
    assert rows == [(rule["alert"], rule["expr"]) for rule in rules()]
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "warn"}
        assert rule["annotations"]["summary"]


def test_alerts_and_dashboard_ask_for_metrics_that_the_service_has() -> None:
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `custodiary_"))
    known = metrics(table)
    source = "".join(path.read_text() for path in (ROOT / "api").rglob("*.py"))
    assert {name for name in known if name.removesuffix("_total") not in source} == set()
    assert metrics(ALERTS.read_text()) <= known
    assert metrics(DASHBOARD.read_text()) == known


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        here = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert here.isdisjoint(taken), panel["title"]
        assert max(x for x, _ in here) < 24, panel["title"]
        taken |= here


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool on the PATH")
def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    """And the expressions of the dashboard, as rules that record them."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    exprs = [target["expr"].replace("$__rate_interval", "5m") for panel in panels for target in panel["targets"]]
    recorded = tmp_path / "dashboard.yml"
    recording = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(exprs)]
    recorded.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recording}]}))
    checked = subprocess.run(
        [str(PROMTOOL), "check", "rules", ALERTS, recorded], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
