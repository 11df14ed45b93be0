"""The floor plan: which rooms of modmap may import which, and that the way of the data has no circle."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import modmap

PACKAGE = Path(modmap.__file__).parent

# From the ground up: a room imports nothing above it. What stands on one floor is in one tuple.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "types", "progress", "threads"),
    ("files", "device", "largest_scores"),
    ("config", "camera", "foreground", "calibration", "metrics", "joining"),
    ("scan",),
    ("volume", "not_inspected", "part_views", "alignment"),
    ("inspection",),
    ("encoding", "datasets"),
    ("result", "mapping"),
    ("evidence",),
    ("detector", "defects", "drawing", "cad", "importing"),
    ("pod",),
    ("runs", "check", "doctor"),
    ("figures", "report"),
    ("commands",),
    ("cli",),
)


def _modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _imported(tree: ast.AST, known: dict[str, Path]) -> Iterator[str]:
    """What a module imports when it is itself imported: neither in functions nor for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                yield inner if inner in known else node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _imported(node, known)


def _imports() -> dict[str, set[str]]:
    known = _modules()
    return {
        name: {one for one in _imported(ast.parse(path.read_text()), known) if one in known} - {name}
        for name, path in known.items()
    }


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _unreachable_ends(graph: dict[str, set[str]]) -> set[str]:
    """What is left when modules that import none of the others are taken away again and again: the circles."""
    left = {name: set(others) for name, others in graph.items()}
    while leaves := {name for name, others in left.items() if not others & left.keys()}:
        left = {name: others for name, others in left.items() if name not in leaves}
    return set(left)


class TestRooms:
    def test_every_room_has_a_floor(self) -> None:
        rooms = {_room(name) for name in _modules()} - {""}
        assert rooms == {room for floor in FLOORS for room in floor}

    def test_nothing_is_imported_from_above_or_beside(self) -> None:
        height = {room: level for level, floor in enumerate(FLOORS) for room in floor}
        wrong = [
            f"{name} imports {other}"
            for name, others in _imports().items()
            for other in others
            if _room(name) != _room(other) and _room(name) and height[_room(other)] >= height[_room(name)]
        ]
        assert not wrong, "\n".join(sorted(wrong))

    def test_no_module_imports_itself_by_way_of_others(self) -> None:
        assert _unreachable_ends(_imports()) == set()

    def test_config_costs_neither_torch_nor_opencv(self) -> None:
        script = "import sys, modmap.config; print(sorted({'torch', 'cv2', 'timm'} & set(sys.modules)))"
        shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert shown.stdout.strip() == "[]"
