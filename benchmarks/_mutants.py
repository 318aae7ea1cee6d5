"""The mutants of a module: its code with one small change each, as mutmut makes them.

The changes are the operators of mutmut 3: another number, string or operator, None for
an argument or a value, an argument less, and so on. mutmut itself leaves out functions
that are decorated, which here are most of those that compute; these have mutants, too,
and so have the tables of modules. There are none of annotations, docstrings, decorators
and ``__all__``.
"""

import ast
from pathlib import Path
from typing import NamedTuple

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

NEVER_MUTATED_CALLS = {"isinstance", "len"}
"""As in mutmut: without their argument they only raise."""

SIMPLE = cst.Name | cst.BaseNumber | cst.BaseString
"""Defaults of arguments that have mutants, as in mutmut."""


class Mutant(NamedTuple):
    """One change of the code of a module."""

    path: Path
    module: cst.Module
    node: cst.CSTNode
    replacement: cst.CSTNode
    functions: tuple[tuple[str, int], ...]  # around it: qualified name and first line
    lines: range  # of the statement

    @property
    def is_in_function(self):
        return bool(self.functions)

    @property
    def source(self):
        return self.module.deep_replace(self.node, self.replacement).code

    @property
    def name(self):
        """What identifies the mutant, also when lines above it change."""
        before, after = (
            " ".join(self.module.code_for_node(node).split())
            for node in (self.node, self.replacement)
        )
        where = self.functions[-1][0] if self.functions else "module"
        return f"{self.path.stem}.{where}: {before} -> {after}"


class _Finder(cst.CSTVisitor):
    """Collects the mutants of a module."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, path, module):
        self.path, self.module, self.mutants = path, module, []
        self._names, self._functions, self._lines = [], [], [range(1)]

    def _span(self, node):
        return self.get_metadata(PositionProvider, node)

    def on_visit(self, node):
        if self._is_left_out(node):
            return False
        self._enter(node)
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                for replacement in operator(node):
                    self.mutants.append(
                        Mutant(
                            self.path,
                            self.module,
                            node,
                            replacement,
                            tuple(self._functions),
                            self._lines[-1],
                        )
                    )
        if isinstance(node, cst.FunctionDef):
            # Defaults belong to the statement that defines the function.
            node.params.visit(self)
            self._functions.append(self._function(node))
            self._names += [node.name.value, "<locals>"]
            node.body.visit(self)
            del self._names[-2:]
            self._functions.pop()
            self._leave(node)
            return False
        if isinstance(node, cst.ClassDef):
            self._names.append(node.name.value)
        return True

    def on_leave(self, original_node):
        if isinstance(original_node, cst.FunctionDef) or self._is_left_out(
            original_node
        ):
            return
        if isinstance(original_node, cst.ClassDef):
            self._names.pop()
        self._leave(original_node)

    def _enter(self, node):
        if isinstance(node, cst.BaseCompoundStatement):
            first = self._span(node).start.line
            last = self._span(node.body).start.line if hasattr(node, "body") else first
            self._lines.append(range(first, max(last, first + 1)))
        elif isinstance(node, cst.SimpleStatementLine):
            span = self._span(node)
            self._lines.append(range(span.start.line, span.end.line + 1))

    def _leave(self, node):
        if isinstance(node, cst.BaseCompoundStatement | cst.SimpleStatementLine):
            self._lines.pop()

    def _function(self, node):
        first = node.decorators[0] if node.decorators else node.name
        name = ".".join([*self._names, node.name.value])
        return name, self._span(first).start.line

    @staticmethod
    def _is_left_out(node):
        match node:
            case cst.Annotation() | cst.Decorator() | cst.Import() | cst.ImportFrom():
                return True
            case cst.Call(func=cst.Name(name)):
                return name in NEVER_MUTATED_CALLS
            case cst.Param(default=default):
                return default is not None and not isinstance(default, SIMPLE)
            case cst.Assign(targets=[cst.AssignTarget(cst.Name("__all__"))]):
                return True
        return False


def candidates(path):
    """Return all mutants of a module, some of which are no change."""
    wrapper = MetadataWrapper(cst.parse_module(path.read_text()))
    finder = _Finder(path, wrapper.module)
    wrapper.visit(finder)
    return finder.mutants


def is_change(mutant):
    """Whether a mutant can be compiled, and differs from the module."""
    try:
        compile(mutant.source, "mutant", "exec")
    except SyntaxError:
        return False
    return ast.dump(ast.parse(mutant.source)) != ast.dump(ast.parse(mutant.module.code))
