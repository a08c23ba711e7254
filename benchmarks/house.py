"""Count what a reader of the code meets: ``python -m benchmarks.house [--names] [--json]``.

``--names`` lists what was counted, so that each number can be looked up. ``--picture`` prints the
rooms and the arrows between them instead, as Mermaid for ``docs/architecture.md``.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("kg", "matcher", "service")
#: names that say nothing of what they hold
VAGUE = frozenset({"found", "asked", "wanted", "told", "said", "thing"})
#: who puts parts together: ``create_app``, the command line, the runtime, registries
ASSEMBLERS = (
    "service.app",
    "service.cli.",
    "service.core.runtime",
    "kg.imports.sources",
    "matcher.kinds",
    "matcher.judging.criteria",
)
PAGE_PARTS = ("home", "routes", "form", "view", "brief", "page", "result", "files", "shacl_form")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A module of ours: its dotted name, its text and its tree."""

    name: str
    text: str
    tree: ast.Module

    def functions(self) -> Iterator[Function]:
        """All functions and methods, also nested ones."""
        return (n for n in ast.walk(self.tree) if isinstance(n, Function))

    def imports(self, known: Iterable[str]) -> set[str]:
        """The modules among ``known`` that this one imports."""
        names: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                names |= inner if inner <= set(known) else {*inner, node.module}
        return names & set(known) - {self.name}


def modules() -> dict[str, Module]:
    """All modules by name; a package goes by the name of its folder."""
    every = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "node_modules" in path.parts:
                continue
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts).removesuffix(".__init__")
            text = path.read_text("utf-8")
            every[name] = Module(name, text, ast.parse(text))
    return every


def imported_once(every: dict[str, Module]) -> list[str]:
    """Modules that exactly one other imports, unless that one puts parts together."""
    importers: dict[str, list[str]] = {}
    for module in every.values():
        for name in module.imports(every):
            importers.setdefault(name, []).append(module.name)
    return [
        name
        for name, others in sorted(importers.items())
        if len(others) == 1
        and "." in name
        and others[0] not in PACKAGES
        and not others[0].startswith(ASSEMBLERS)
        and not (name.startswith("service.pages.") and name.rpartition(".")[2] in PAGE_PARTS)
    ]


def called_once(every: dict[str, Module]) -> list[str]:
    """Private functions and methods that one place refers to."""
    once = []
    for module in every.values():
        references = Counter(
            node.id if isinstance(node, ast.Name) else node.attr
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Name | ast.Attribute)
        )
        once += [
            f"{module.name}.{function.name}"
            for function in module.functions()
            if function.name.startswith("_")
            and not function.name.startswith("__")
            and not function.decorator_list
            and references[function.name] == 1
        ]
    return once


def vague(every: dict[str, Module]) -> list[str]:
    """Functions with a parameter or local that is called by one of the VAGUE names."""
    return [
        f"{module.name}.{function.name}"
        for module in every.values()
        for function in module.functions()
        if VAGUE & set(_own_names(function))
    ]


def _own_names(function: Function) -> Iterator[str]:
    todo: list[ast.AST] = [function.args, *function.body]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        if not isinstance(node, Function | ast.ClassDef):
            todo += ast.iter_child_nodes(node)


def returns(every: dict[str, Module]) -> tuple[list[str], int]:
    """Functions whose docstring begins with "Return", and how many have a docstring."""
    documented = [
        (f"{module.name}.{function.name}", text)
        for module in every.values()
        for function in module.functions()
        if (text := ast.get_docstring(function))
    ]
    return [name for name, text in documented if text.startswith("Return")], len(documented)


def takes_question(every: dict[str, Module]) -> list[str]:
    """Modules in which a function has a parameter of the type Question."""
    return [
        module.name
        for module in every.values()
        if any(
            argument.annotation is not None
            and any(isinstance(n, ast.Name) and n.id == "Question" for n in ast.walk(argument))
            for function in module.functions()
            for argument in ast.walk(function.args)
            if isinstance(argument, ast.arg)
        )
    ]


def rooms() -> list[str]:
    """Folders and files of the service that a reader sees first."""
    return sorted(
        path.name
        for path in (ROOT / "service").iterdir()
        if path.name != "__pycache__" and not path.name.startswith(".")
    )


def same_class(every: dict[str, Module]) -> list[str]:
    """Names of classes that exist in several modules."""
    names = Counter(
        node.name
        for module in every.values()
        for node in module.tree.body
        if isinstance(node, ast.ClassDef)
    )
    return sorted(name for name, count in names.items() if count > 1)


def untyped(every: dict[str, Module]) -> list[str]:
    """Uses of ``dict[str, Any]`` and of a name for it, a line each."""
    return [
        f"{module.name}:{number}"
        for module in every.values()
        for number, line in enumerate(module.text.splitlines(), 1)
        for _ in range(line.count("dict[str, Any]") + line.count("Json") - line.count("as_json"))
        if "import" not in line
    ]


def room(module: str) -> str:
    """The folder or file below its package that a module is in; of the pages, the one below."""
    return ".".join(module.split(".")[: 3 if module.startswith("service.pages.") else 2])


def arrows(every: dict[str, Module]) -> dict[str, set[str]]:
    """By room the rooms of the same package that it imports."""
    ways: dict[str, set[str]] = {}
    for module in every.values():
        here = room(module.name)
        there = {room(name) for name in module.imports(every)} - {here}
        package = module.name.partition(".")[0]
        ways.setdefault(here, set()).update(r for r in there if r.partition(".")[0] == package)
    return ways


def reached(ways: dict[str, set[str]], start: str) -> set[str]:
    """All rooms that a room leads to, in one step or several."""
    rooms: set[str] = set()
    todo = [start]
    while todo:
        todo += (further := ways[todo.pop()] - rooms)
        rooms |= further
    return rooms


def picture(every: dict[str, Module]) -> str:
    """The rooms of the packages as a Mermaid flowchart in Markdown.

    An arrow that a longer way tells as well is left out.
    """
    ways = arrows(every)
    shown = {
        (name, other)
        for name, others in ways.items()
        for other in others
        if not any(other in reached(ways, between) for between in others - {other})
    }
    lines = ["flowchart TD"]
    for package in reversed(PACKAGES):
        lines.append(f"  subgraph {package}")
        inside = sorted(pair for pair in shown if pair[0].partition(".")[0] == package)
        for name in sorted({name for pair in inside for name in pair}):
            path = name.partition(".")[2].replace(".", "/") or "__init__"
            is_folder = name != package and (ROOT / package / path).is_dir()
            lines.append(f'    {_node(name)}["{path}{"/" if is_folder else ".py"}"]')
        for name, pairs in groupby(inside, itemgetter(0)):
            lines.append(f"    {_node(name)} --> {' & '.join(_node(other) for _, other in pairs)}")
        lines.append("  end")
    lines += [f"  {above} --> {below}" for below, above in pairwise(PACKAGES)]
    return "\n".join(["```mermaid", *lines, "```"])


def _node(room: str) -> str:
    return room.replace(".", "_") if "." in room else f"{room}_init"


def measure() -> dict[str, list[str] | int | str]:
    """Every figure: a list of what was counted, or a number."""
    every = modules()
    begin, documented = returns(every)
    skips = [
        f"{module.name}:{number}"
        for module in every.values()
        for number, line in enumerate(module.text.splitlines(), 1)
        if "# fmt: skip" in line
    ]
    return {
        "lines of Python": sum(len(module.text.splitlines()) for module in every.values()),
        "modules": len(every),
        "lines that the formatter may not touch": skips,
        "folders and files in service/": rooms(),
        "modules that exactly one other imports": imported_once(every),
        "private functions with one call site": called_once(every),
        "functions with a vague name inside": vague(every),
        'docstrings of functions that begin with "Return"': begin,
        "the same in per cent": f"{100 * len(begin) / documented:.0f}",
        "modules that are handed a Question": takes_question(every),
        "names of classes in several modules": same_class(every),
        "uses of dict[str, Any] or Json": untyped(every),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.house")
    parser.add_argument("--names", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--picture", action="store_true")
    given = parser.parse_args()
    if given.picture:
        print(picture(modules()))
        return
    figures = measure()
    if given.json:
        plain = {k: len(v) if isinstance(v, list) else v for k, v in figures.items()}
        json.dump(plain, sys.stdout, indent=1)
        return
    for figure, value in figures.items():
        print(f"{figure:50} {len(value) if isinstance(value, list) else value}")
        if given.names and isinstance(value, list):
            print(*(f"    {name}" for name in value), sep="\n")


if __name__ == "__main__":
    main()
