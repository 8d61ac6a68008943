"""The shape of the project: which room may know which, and what every file owes its reader."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "canary"
MODULES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "addons").rglob("*.py")])
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# room -> the rooms that it may know, besides itself
_EDGES = {"core", "store", "sim", "gateway"}
ALLOWED = {
    "core": set(),
    "store": {"core"},
    "sim": {"core"},
    "gateway": {"core", "store", "sim"},
    "proxy": _EDGES,
    "thin": _EDGES,
    "control": _EDGES,
    "web": _EDGES,
    "toolkit": _EDGES,
    "notify": {"core", "store"},
    "workers": set(),
    "cli": {*_EDGES, "proxy", "thin", "control", "web", "toolkit", "notify", "workers"},
    "addons": {*_EDGES, "proxy", "thin", "control", "web", "toolkit", "notify", "cli"},
}

IMPURE = {
    *("aiohttp", "asyncio", "datetime", "http", "io", "logging", "mitmproxy", "multiprocessing", "os"),
    *("pathlib", "random", "secrets", "shutil", "signal", "socket", "sqlalchemy", "sqlite3", "ssl"),
    *("subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "uuid", "numpy.random"),
}
"""What the core must not know: clocks, chance, the outside."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room_of(path: Path) -> str:
    """The room that a file belongs to; the files beside the rooms are the command line's."""
    parts = path.relative_to(ROOT).parts
    if parts[0] == "addons":
        return "addons"
    return parts[1].removesuffix(".py") if parts[1].removesuffix(".py") in ALLOWED else "cli"


def imports(path: Path) -> Iterator[str]:
    """Dotted names of everything that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_known(path: Path) -> set[str]:
    """The rooms that a file imports from."""
    parts = [name.split(".") for name in imports(path)]
    return {part[1] for part in parts if part[0] == "canary" and len(part) > 1 and part[1] in ALLOWED}


def is_within(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_arrows_point_one_way(path: Path) -> None:
    """core <- {store, sim} <- gateway <- {proxy, thin, control, web, toolkit} <- cli and addons, and no other arrow."""
    room = room_of(path)
    assert rooms_known(path) - {room} <= ALLOWED[room]


def test_every_folder_of_the_package_is_a_known_room() -> None:
    """A new room has to be given its place."""
    folders = {p.name for p in PACKAGE.iterdir() if p.is_dir() and any(p.glob("*.py"))}
    assert folders <= set(ALLOWED)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_mitmproxy_has_one_home(path: Path) -> None:
    """The gateway works behind any ingress, so only the proxy room and the addon scripts know mitmproxy."""
    if room_of(path) not in {"proxy", "addons"}:
        assert not any(is_within(name, {"mitmproxy"}) for name in imports(path))


@pytest.mark.parametrize("path", [p for p in MODULES if room_of(p) == "core"], ids=name_of)
def test_the_core_is_pure(path: Path) -> None:
    """No clock, chance, log, file, socket or event loop: the core gives the same answer to the same facts."""
    assert not [name for name in imports(path) if is_within(name, IMPURE)]
    calls = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
    assert calls.isdisjoint({"open", "print", "input"})


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    """Each module begins with a docstring."""
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert told


@pytest.mark.parametrize("path", [p for p in TESTS if p.name.startswith("test_")], ids=name_of)
def test_every_test_says_what_is_promised(path: Path) -> None:
    """One sentence or two per test function, so that a failure reads as a broken promise."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


def _mirrored() -> list[Path]:
    """Test files in a folder that the package has too."""
    return [
        path
        for path in TESTS
        if path.name.startswith("test_")
        and path.parent != ROOT / "tests"
        and (PACKAGE / path.parent.relative_to(ROOT / "tests")).is_dir()
    ]


@pytest.mark.parametrize("path", _mirrored(), ids=name_of)
def test_the_test_tree_mirrors_the_package(path: Path) -> None:
    """tests/X/test_y.py tests canary/X/y.py, so that a module's tests are where one looks for them."""
    tested = PACKAGE / path.parent.relative_to(ROOT / "tests") / path.name.removeprefix("test_")
    assert tested.is_file() or tested.with_suffix("").is_dir(), f"there is no {name_of(tested)}"


_SKIPPED = {"__pycache__", "build", "dist", "node_modules"}
_TEXTS = {
    ".cfg",
    ".css",
    ".html",
    ".ini",
    ".js",
    ".json",
    ".md",
    ".py",
    ".sh",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
    "",
}
# put together here, so that this file does not hold what it looks for
FOREIGN = [
    *(
        "".join(parts)
        for parts in [("py", "pi.org"), ("python", "hosted"), ("npm", "js.org"), ("proxy.gol", "ang")]
    ),
    *("".join(parts) for parts in [("/ro", "ot/"), ("/wo", "rk/"), ("/tmp/te", "am")]),
]


def _texts() -> Iterator[Path]:
    """The project's own text files."""
    pending = [ROOT]
    while pending:
        for path in pending.pop().iterdir():
            hidden = path.name.startswith(".") and path.name not in {".ci", ".python-version", ".gitignore"}
            if hidden or path.name in _SKIPPED:
                continue
            if path.is_dir():
                pending.append(path)
            elif path.suffix in _TEXTS:
                yield path


def test_the_project_names_no_registry_and_no_machine() -> None:
    """What is installed from where, and on which machine it was written, is nobody's business here."""
    found = {
        f"{name_of(path)}: {word}"
        for path in _texts()
        for word in FOREIGN
        if word in path.read_text(encoding="utf-8", errors="replace")
    }
    assert not found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_stay_short(path: Path) -> None:
    """A file of more than 400 lines holds a second job that wants a file of its own."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
