"""The layers hold: service may use matcher, matcher may use kg, never the other way."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLI = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CLI, "--no-cache", *options],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_every_contract_is_kept() -> None:
    found = lint()
    assert found.returncode == 0, found.stdout + found.stderr
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    assert f"{len(contracts['contracts'])} kept, 0 broken" in found.stdout


def test_a_broken_layer_is_seen(tmp_path: Path) -> None:
    """The other test would prove nothing if the contracts looked at nothing."""
    upside_down = tmp_path / "importlinter.ini"
    upside_down.write_text(
        "[importlinter]\nroot_packages =\n  kg\n  matcher\n"
        "[importlinter:contract:1]\nname = upside down\ntype = layers\n"
        "layers =\n  kg\n  matcher\n"
    )
    found = lint("--config", str(upside_down))
    assert found.returncode == 1
    assert "BROKEN" in found.stdout


def test_kg_starts_without_the_heavy_libraries() -> None:
    code = (
        "import sys, kg.sparql.pool, kg.entries.intake, kg.starter, kg.imports.importing\n"
        "import kg.stores.embedded\n"
        "heavy = {'torch', 'flask', 'sentence_transformers', 'numpy'} & set(sys.modules)\n"
        "print(*heavy)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (0, "\n"), found.stderr
