"""The wheel carries its data and serves from another directory."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and install it into a fresh environment.

    The dependencies come from the environment that runs the tests, so that gigabytes are
    not installed twice; the package itself comes from the wheel alone.
    """
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    wheel = next(folder.glob("*.whl"))
    install = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True)
    here = next(p for p in map(Path, sys.path) if p.name == "site-packages")
    there = next((folder / "venv" / "lib").glob("python*/site-packages"))
    # A .pth line adds the dependencies, after the wheel's own files on the path; the
    # editable install's own .pth is not read from there.
    (there / "dependencies.pth").write_text(f"{here}\n")
    return folder / "venv" / "bin" / "passerelle"


@pytest.mark.wheel
def test_the_package_is_the_one_of_the_wheel(program: Path, tmp_path: Path) -> None:
    (tmp_path / "ontology").mkdir()
    code = (
        "import kg, json; from kg.vocabulary import folder, vocabulary; import kg.text.i18n as i;"
        "i.set_language('lv'); said = i.gettext('Find matches');"
        "print(json.dumps([kg.__file__, str(folder('ontology')), len(vocabulary().scheme), said]))"
    )
    done = subprocess.run(
        [program.with_name("python"), "-c", code],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    package, ontology, concepts, said = json.loads(done.stdout)
    assert Path(package).is_relative_to(program.parent.parent)
    assert Path(ontology).is_relative_to(program.parent.parent)
    assert concepts > 300
    assert said != "Find matches"


@pytest.mark.wheel
def test_it_answers_from_another_directory(program: Path, tmp_path: Path) -> None:
    command = [
        str(program),
        "export",
        "--home",
        str(tmp_path / "home"),
        "--output",
        "all.nq",
        "--json",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["entries"] > 2_500
    assert (tmp_path / "all.nq").stat().st_size > 1_000_000


@pytest.mark.wheel
@pytest.mark.model
def test_it_serves_from_another_directory(program: Path, tmp_path: Path) -> None:
    import os
    import urllib.request

    environment = os.environ | {"PASSERELLE_HOME": str(tmp_path / "home"), "PORT": "0"}
    with subprocess.Popen(
        [program, "serve"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("Passerelle is ready at http://127.0.0.1:")
            for path in ("/ready", "/static/vendor/yasgui.min.js", "/sparql?query=ASK%7B%7D"):
                with urllib.request.urlopen(line.split()[-1] + path) as answer:
                    assert answer.status == 200
        finally:
            process.terminate()
