"""What the container is built and set up with, where there is none to try it in."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPIED = re.compile(r"^COPY (?!--)(.+) (\S+)$", re.MULTILINE)
SETTING = re.compile(r"`([A-Z_]+)`")
GIVEN = re.compile(r"^      ([A-Z_]+):", re.MULTILINE)
OF_FILES = {"CUSTODIARY_DATA", "MASTER_KEY_FILE", "SIGNING_KEY_FILE"}  # which a container has none of
OF_POSTGRESQL = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}


def test_what_is_copied_into_it_is_enough_to_build_the_package(tmp_path: Path) -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {name for names, _ in COPIED.findall((ROOT / "Dockerfile").read_text()) for name in names.split()}
    assert copied == let_through
    for source in (ROOT / name for name in copied):
        if source.is_dir():
            shutil.copytree(source, tmp_path / source.name)
        else:
            shutil.copy(source, tmp_path)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    built = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-500:]
    [wheel] = (tmp_path / "dist").iterdir()
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert {"api/cli/program.py", "api/data/docs/index.html", "eventstore/postgres/schema.sql"} <= set(names)


def test_it_is_given_every_setting() -> None:
    table = (ROOT / "docs" / "settings.md").read_text().partition("## Variables")[2].partition("\n## ")[0]
    settings = {name for row in table.splitlines() for name in SETTING.findall(row.split("|")[1] if "|" in row else "")}
    assert len(settings) > 15
    assert set(GIVEN.findall((ROOT / "compose.yaml").read_text())) - OF_POSTGRESQL == settings - OF_FILES
