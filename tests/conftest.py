"""Fixtures shared by all tests, and the rule that nothing is skipped in CI."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from fcntl import LOCK_EX, flock
from functools import partial
from pathlib import Path

import pytest

from kg import starter
from kg.catalogue.gazetteer import Gazetteer
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from matcher.encoding.embedder import Embedder
from matcher.matcher import Matcher
from service.core.runtime import Runtime
from service.core.settings import Settings
from tests import engines
from tests.engines import Served
from tests.fake_embedder import HashingEmbedder

BASE = "https://passerelle.example/"
# As the program does: else PyTorch's threads spin while the other worker has the processor, and
# embedding takes three to seven times as much of it. Read when PyTorch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Turn a skip into a failure where CI is set: there everything must have run."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):  # type: ignore[attr-defined]
        report.outcome = "failed"  # type: ignore[attr-defined]
        report.longrepr = f"skipped in CI: {report.longrepr}"  # type: ignore[attr-defined]
    return report


@pytest.fixture(scope="session")
def starter_store() -> EmbeddedStore:
    """Return a store in memory with the whole starter graph; tests must not write to it."""
    store = EmbeddedStore(BASE)
    store.write([Change(e.iri, e) for e in starter.entries(BASE)], "starter", "import")
    return store


@pytest.fixture(scope="session")
def starter_matcher(
    starter_store: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Matcher]:
    """Return a matcher over the starter graph whose vectors know letters, not meanings."""
    matcher = Matcher(starter_store, HashingEmbedder(), tmp_path_factory.mktemp("matcher"))
    matcher.catch_up()
    yield matcher
    matcher.close()


@pytest.fixture(scope="session")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the names of Europe's places, which take seconds to write."""

    def make(folder: Path) -> None:
        Gazetteer(folder / "places").named("")

    return once(tmp_path_factory, "gazetteer", make)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that was started once and closed again; copy it."""
    return once(tmp_path_factory, "prepared", partial(prepare, embedder=HashingEmbedder()))


@pytest.fixture(scope="session")
def prepared_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the language model itself and its vectors."""
    return once(tmp_path_factory, "prepared-model", prepare)


def prepare(home: Path, embedder: Embedder | None = None) -> None:
    """Start a home once and close it again; without an embedder with the model itself."""
    with Runtime(Settings(home=home), embedder) as runtime:
        assert runtime.wait_ready(3_600)
    del runtime
    gc.collect()  # the store closes when nothing holds it
    # The engine reads its log into its tables when it is opened again: here, not in each copy.
    EmbeddedStore(BASE, home / "store")


def settled(prepared: Path, home: Path) -> Path:
    """Copy a prepared home to another place; large files that nobody writes to are links."""

    def copy(source: str, target: str) -> None:
        kept = source.endswith((".sst", ".safetensors")) or "/catalogue/places-" in source
        (os.link if kept else shutil.copy2)(source, target)

    ignored = shutil.ignore_patterns("LOCK")
    shutil.copytree(prepared, home, ignore=ignored, copy_function=copy)
    return home


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that is made by the first process of a run that asks for it, for all of them."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    with (base / f"{name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not (folder := base / name).exists():
            fresh = base / f"{name}.new"
            shutil.rmtree(fresh, ignore_errors=True)
            make(fresh)
            fresh.rename(folder)
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that ask the model first: they take longest, and start while others run."""
    first = {item.path for item in items if item.get_closest_marker("model")}
    items.sort(key=lambda item: item.path not in first)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Keep what is imported and collected out of each later search for garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real data beside the checkout, or skip."""
    if not SHARED.is_dir():
        pytest.skip("the folder shared/data with the published files is not beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Served]]:
    """Return what starts an engine by its name, once for the whole run."""
    running: dict[str, Served] = {}
    with ExitStack() as stack:

        def start(name: str) -> Served:
            if name not in running:
                folder = tmp_path_factory.mktemp(name)
                opened = getattr(engines, name)(folder)
                running[name] = Served(stack.enter_context(opened), folder)
            return running[name]

        yield start


@contextmanager
def installed(home: Path) -> Iterator[str]:
    """Serve a home by the program as it is installed; yield its address."""
    with subprocess.Popen(
        [str(Path(sys.executable).with_name("passerelle")), "serve"],
        env=os.environ | {"PASSERELLE_HOME": str(home), "PORT": "0"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        yield process.stdout.readline().split()[-1]
        process.terminate()
