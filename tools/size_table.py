"""Print the five largest modules and functions. Past 400 and 40 lines, look for the concept that is missing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("src", "evals/src", "connectors/src")
SHOWN = 5


def main() -> None:
    """Print the table."""
    modules = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    sizes = [(len(path.read_text(encoding="utf-8").splitlines()), _name(path)) for path in modules]
    spans = [(lines, f"{_name(path)}:{where}") for path in modules for lines, where in _functions(path)]
    for title, rows in (("Largest modules", sizes), ("Longest functions", spans)):
        print(f"{title} (lines)")
        for lines, name in sorted(rows, key=lambda row: (-row[0], row[1]))[:SHOWN]:
            print(f"{lines:6}  {name}")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _functions(path: Path) -> Iterator[tuple[int, str]]:
    """Every function with its length, decorators and docstring included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield (node.end_lineno or first) - first + 1, f"{node.lineno} {node.name}"


if __name__ == "__main__":
    main()
