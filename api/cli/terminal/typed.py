"""How this program's commands are typed here, so that a hint can be copied."""

import shlex
import shutil
import sys
from pathlib import Path


def program() -> str:
    """`custodiary` where the PATH leads to this one, else where it lies."""
    script = Path(sys.executable).with_name("custodiary")
    found = shutil.which(script.name)
    if found is not None and script.exists() and script.samefile(found):
        return script.name
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))


def typed(*arguments: str) -> str:
    return " ".join([program(), *arguments])


def typed_again(option: str, value: object) -> str:
    """What was typed, with another value of one option."""
    arguments = sys.argv[1:]
    others = [
        each
        for before, each in zip(["", *arguments], arguments, strict=False)
        if option not in {before, each} and not each.startswith(f"{option}=")
    ]
    return typed(shlex.join([*others, option, str(value)]))
