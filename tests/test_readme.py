"""The README's examples do what it says, in order, on one home."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import installed, settled

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", README, re.DOTALL)


def examples() -> list[tuple[str, list[str]]]:
    """Return each command with the lines that it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for block in BLOCKS:
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


@pytest.fixture(scope="module")
def home(prepared_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return settled(prepared_model, tmp_path_factory.mktemp("readme") / "home")


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """Serve the home from the first example that asks over HTTP; later ones work beside it."""
    with installed(home) as found:
        yield found


def matches(expected: list[str], printed: str) -> bool:
    """Return whether the output is as told; a line ``...`` stands for any lines."""
    parts = [re.escape(line).replace(r"\.\.\.", ".*") for line in expected]
    pattern = "\n".join(parts).replace("\n.*\n", "\n(?:.*\n)*?")
    pattern = re.sub(r"(^|\n)\.\*$", r"\1(?s:.*)", pattern)
    return re.fullmatch(pattern, printed.rstrip("\n")) is not None


@pytest.mark.model
@pytest.mark.parametrize(
    ("command", "expected"), examples(), ids=lambda v: v[:40] if isinstance(v, str) else ""
)
def test_an_example_prints_what_the_readme_says(
    request: pytest.FixtureRequest, home: Path, command: str, expected: list[str]
) -> None:
    if "http://127.0.0.1:8000" in command:
        command = command.replace("http://127.0.0.1:8000", request.getfixturevalue("address"))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, check=True,
        env=os.environ | {"PASSERELLE_HOME": str(home), "PATH": path},
    )  # fmt: skip
    assert matches(expected, done.stdout), done.stdout


def test_every_target_and_setting_that_the_readme_names_exists() -> None:
    from service.core.settings import Settings

    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in set(re.findall(r"`?make ([a-z-]+)", README)):
        assert f"\n{target}:" in makefile
    named = set(re.findall(r"PASSERELLE_[A-Z]+", README))
    source = (ROOT / "service" / "core" / "settings.py").read_text("utf-8")
    assert {name for name in named if name not in source} == set()
    assert Settings.__doc__


def test_every_command_is_in_the_help_and_each_folder_in_the_readme() -> None:
    for folder in ("ontology", "shapes", "kg", "matcher", "service"):
        assert f"`{folder}/`" in README
        assert (ROOT / folder).is_dir()
