"""Where a question goes: read from a request in one module, then handed on as it is."""

from __future__ import annotations

import ast

from benchmarks.house import Module, modules, takes_question


def test_few_modules_are_handed_a_question() -> None:
    takers = takes_question(modules())
    assert "matcher.engine" in takers
    assert len(takers) <= 15, takers


def test_one_module_makes_questions_from_what_was_sent() -> None:
    assert [name for name, module in modules().items() if _reads(module)] == ["matcher.kinds"]


def _reads(module: Module) -> bool:
    """Whether a function that is given a mapping makes a question."""
    return any(
        {"Mapping", "dict", "Json"} & _names(function.args)
        and any("Question" in _names(n.func) for n in ast.walk(function) if isinstance(n, ast.Call))
        for function in module.functions()
    )


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
