"""What `make run` and `make test` install, as make says it would: neither takes away what the other needs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def would(clone: Path, target: str, *settings: str) -> str:
    """What make would do, in a shell of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--dry-run", target, *settings]
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=True).stdout


def installed(clone: Path, *stamps: str, of: Path | None = None) -> None:
    """Writes the stamps of an install, as if it came after the locks were written."""
    for name in stamps:
        stamp = clone / ".venv" / name
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(str(of or clone))


def test_running_installs_what_running_needs_and_testing_the_rest(clone: Path) -> None:
    assert "lock=requirements.lock" in would(clone, "run")
    assert "lock=requirements-dev.lock" in would(clone, "test")
    installed(clone, "service")
    assert "lock=" not in would(clone, "run")
    assert "lock=requirements-dev.lock" in would(clone, "test")


def test_what_is_installed_for_both_is_installed_once(clone: Path) -> None:
    installed(clone, "service", "tools")
    for target in ("run", "test", "lint", "install"):
        assert "lock=" not in would(clone, target)


def test_running_leaves_the_tools_where_they_are(clone: Path) -> None:
    installed(clone, "service", "tools")
    later = (clone / "requirements.lock").stat().st_mtime + 3_600
    for name in ("requirements.lock", "requirements-dev.lock"):
        os.utime(clone / name, (later, later))
    assert "lock=requirements.lock" not in would(clone, "run")


def test_a_copied_tree_installs_its_own(clone: Path) -> None:
    installed(clone, "service", "tools", of=clone.parent)
    assert "lock=requirements-dev.lock" in would(clone, "test")


def test_a_port_is_handed_on(clone: Path) -> None:
    installed(clone, "service")
    assert would(clone, "run").rstrip().endswith("serve --sample --port 8000")
    assert would(clone, "run", "PORT=8001").rstrip().endswith("serve --sample --port 8001")
