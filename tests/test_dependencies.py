"""What is installed is what the locks name and hash; `make audit-deps` asks who may know of faults in it."""

import json
import os
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")
NAME = re.compile(r"[A-Za-z0-9._-]+")


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_one_version_and_its_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(packages) > 30
    assert not [line for line in packages if not re.match(r"[a-z0-9._-]+(\[[a-z,-]+\])?==\S+ .*--hash=sha256:", line)]
    assert "://" not in text


def test_every_package_that_is_asked_for_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    page = (ROOT / "docs" / "dependencies.md").read_text()
    asked = [*project["project"]["dependencies"], *chain(*project["dependency-groups"].values())]
    assert {found[0] for one in asked if (found := NAME.match(one))} <= set(NAME.findall(page))


@pytest.mark.skipif(not os.environ.get("AUDIT_DEPS"), reason="`make audit-deps` asks PyPI")
@pytest.mark.parametrize("lock", LOCKS)
def test_nothing_is_known_against_what_the_lock_names(lock: str) -> None:
    command = ["-m", "pip_audit", "--requirement", lock, "--disable-pip", "--require-hashes", "--format", "json"]
    ended = subprocess.run(
        [sys.executable, *command, "--progress-spinner", "off"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert ended.stdout.lstrip().startswith("{"), f"nobody could be asked: {ended.stderr.strip().splitlines()[-1:]}"
    told = json.loads(ended.stdout)["dependencies"]
    assert not [(one["name"], one["version"], one["vulns"]) for one in told if one.get("vulns")]
    assert not [(one["name"], one["skip_reason"]) for one in told if "skip_reason" in one]
