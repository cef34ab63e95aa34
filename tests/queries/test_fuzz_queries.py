"""The coverage-guided fuzzer, for a moment; `make fuzz` lets it run for minutes, and chance in."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from projections.queries.language.sql import Statement
from tests.fuzz.seeds import seeds, words

ROOT = Path(__file__).parents[2]
SECONDS = os.environ.get("FUZZ_SECONDS")
BOUNDED = ["-runs=3000", "-seed=1"]
# Its own time-out is off: atheris dies of the second alarm. The target looks at the time that it takes itself.
LIMITS = ["-timeout=0", "-rss_limit_mb=1024", "-max_len=8192"]

PATIENCE = 120 + int(SECONDS or 0)  # seconds, for what never ends

needs_atheris = pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel for this machine")


@needs_atheris
def test_no_bytes_break_the_parser_or_the_filters(tmp_path: Path) -> None:
    extent = [f"-max_total_time={int(SECONDS) // 2}"] if SECONDS else BOUNDED
    ended = fuzzed("tests.fuzz.queries", tmp_path, *extent)
    assert ended.returncode == 0, ended.stderr[-5_000:]
    assert "Done " in ended.stderr, ended.stderr[-5_000:]


@needs_atheris
@pytest.mark.parametrize(
    ("sql", "args"),
    [("SELECT 1; DROP", []), ("$1", []), ("", ["unbound"]), ("$1", ["\0"]), ("$1", [2**63]), ("$1", [["\ud800"]])],
)
def test_what_the_fuzzer_looks_for_is_noticed(sql: str, args: list[object]) -> None:
    from tests.fuzz.queries import is_ours  # noqa: PLC0415 - where atheris is

    with pytest.raises(AssertionError):
        is_ours(Statement(sql, args))


def fuzzed(module: str, directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    corpus, dictionary = directory / "corpus", directory / "words"
    corpus.mkdir()
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    dictionary.write_text("".join(f'"{word}"\n'.replace("\\", "\\\\") for word in words()))
    command = ["-m", module, str(corpus), f"-dict={dictionary}", f"-artifact_prefix={directory}/", *LIMITS, *options]
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, check=False, capture_output=True, text=True, timeout=PATIENCE
    )
