"""The rules of the house, as a test: who imports whom, sizes, banned calls and names, live links.

A rule without a test is a wish. Each test collects every offence, so that one run shows them all.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "interlock"

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 500
COLUMNS_MAX = 100

_BELOW_RUNTIME = frozenset(("engine", "venues", "journal", "market", "risk", "orders"))
_BELOW_EDGES = _BELOW_RUNTIME | {"runtime"}

MAY_IMPORT: dict[str, frozenset[str]] = {
    "orders": frozenset(),
    "risk": frozenset(("orders",)),
    "engine": frozenset(("orders", "risk")),
    "venues": frozenset(("orders",)),
    "journal": frozenset(("orders",)),
    "market": frozenset(("orders",)),
    "runtime": _BELOW_RUNTIME,
    "audit": frozenset(("orders",)),
    "sim": _BELOW_EDGES | {"audit"},
    "sandbox": frozenset(("venues", "market", "orders")),
    "cli": _BELOW_EDGES | {"audit", "sim", "api", "client", "sandbox"},
    "client": frozenset(("orders",)),
    "api": _BELOW_EDGES,
    "dashboard": _BELOW_EDGES,
    "main": _BELOW_EDGES | {"sim", "cli", "api", "dashboard"},
    "__main__": frozenset(("main",)),
}
"""DESIGN 4: main > cli, api, dashboard, sim > runtime > engine, venues, journal, market > ..."""

PURE = ("orders", "risk", "engine")
PURE_FILES = ("venues/paper/book.py",)
PURE_LIBRARIES = frozenset(("msgspec",))
PURE_STANDARD = frozenset(
    (
        "__future__",
        "bisect",
        "collections",
        "dataclasses",
        "datetime",
        "difflib",
        "enum",
        "functools",
        "hashlib",
        "heapq",
        "itertools",
        "math",
        "operator",
        "re",
        "types",
        "typing",
    )
)
"""What pure code may take from the standard library: nothing that knows time, chance or I/O."""

CLOCKS = frozenset(("now", "utcnow", "today", "fromtimestamp"))
BANNED_WORDS = frozenset(("Manager", "Helper", "Handler", "Util", "Utils", "Base", "Abstract"))
UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")))
CATCHES_ALL = frozenset(("main.py", "runtime/live.py"))
"""The outermost edge may catch everything, to say it in one sentence."""

PATHS = re.compile(r"(?:src|tests|docs|script|bench|chaos|mutants|examples|\.ci)/[\w./-]*[\w-]")
LINKS = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def python_files(*roots: str) -> list[Path]:
    found = [path for root in roots for path in (ROOT / root).rglob("*.py")]
    return sorted(path for path in found if "__pycache__" not in path.parts)


def pure_files() -> list[Path]:
    inside = [p for p in python_files("src") if layer_of(p) in PURE]
    return inside + [SOURCE / name for name in PURE_FILES]


def layer_of(path: Path) -> str:
    """The folder under ``interlock``, or ``main`` for the composition root."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@lru_cache(maxsize=512)
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def place(path: Path, node: ast.AST | None = None) -> str:
    line = f":{node.lineno}" if node is not None and hasattr(node, "lineno") else ""
    return f"{path.relative_to(ROOT)}{line}"


def imported(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """Every module a file imports, in full; of ``from a import b`` both ``a`` and ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node, name.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            yield node, module
            if module == "interlock":
                for name in node.names:
                    if name.name in MAY_IMPORT:  # a package, not ``__version__``
                        yield node, f"interlock.{name.name}"


def test_imports_point_one_way():
    offences = []
    for path in python_files("src"):
        layer = layer_of(path)
        if layer == "__init__":
            continue
        assert layer in MAY_IMPORT, f"{place(path)}: say in MAY_IMPORT what {layer} may import"
        for node, name in imported(parse(path)):
            parts = name.split(".")
            if parts[0] != "interlock" or len(parts) < 2:
                continue
            other = parts[1]
            if other != layer and other not in MAY_IMPORT[layer]:
                offences.append(f"{place(path, node)}: {layer} imports {other}")
    assert not offences, "\n" + "\n".join(offences)


def test_the_core_takes_nothing_that_knows_time_chance_or_io():
    offences = []
    for path in pure_files():
        for node, name in imported(parse(path)):
            top = name.split(".")[0]
            known = top in PURE_LIBRARIES or top in PURE_STANDARD or top == "interlock"
            if not known:
                offences.append(f"{place(path, node)}: {name}")
    assert not offences, "\n" + "\n".join(offences)


def test_the_core_reads_no_clock_and_holds_no_float():
    offences = []
    for path in pure_files():
        for node in ast.walk(parse(path)):
            if reads_clock(node):
                offences.append(f"{place(path, node)}: {ast.unparse(node)}")
            elif isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
                offences.append(f"{place(path, node)}: the float {node.value}")
            elif isinstance(node, ast.Name) and node.id == "float":
                offences.append(f"{place(path, node)}: float")
            elif isinstance(node, ast.Div):
                offences.append(f"{place(path)}: / makes a float; divide with // or divmod")
            elif isinstance(node, ast.Call) and called(node) in ("id", "hash"):
                offences.append(f"{place(path, node)}: {called(node)}() differs between runs")
    assert not offences, "\n" + "\n".join(offences)


def reads_clock(node: ast.AST) -> bool:
    """Whether it calls a clock, or names one of the library's. The field ``state.now`` is none."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS
    if not isinstance(node, ast.Attribute) or node.attr not in CLOCKS:
        return False
    return ast.unparse(node.value).split(".")[-1] in ("datetime", "date", "time")


def called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def is_set(node: ast.AST | None, names: frozenset[str]) -> bool:
    """Whether an expression is plainly a set, or a local name known to hold one."""
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Call):
        return called(node) in ("set", "frozenset")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub):
        return is_set(node.left, names) or is_set(node.right, names)
    return isinstance(node, ast.Name) and node.id in names


def set_names(tree: ast.AST) -> frozenset[str]:
    """Names that are assigned a set, or annotated as one, anywhere in the file."""
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and is_set(node.value, frozenset()):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            name = node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)
            if ast.unparse(node.annotation).startswith(("set[", "frozenset[")):
                names.append(name)
    return frozenset(names)


def test_the_core_never_walks_a_set():
    """Sets of strings do not repeat their order between runs. ``sorted`` makes one walkable."""
    offences = []
    for path in pure_files():
        tree = parse(path)
        names = set_names(tree)
        for node in ast.walk(tree):
            walked: list[ast.expr] = []
            if isinstance(node, ast.For | ast.comprehension):
                walked = [node.iter]
            elif isinstance(node, ast.Call) and called(node) in ("list", "tuple", "iter", "next"):
                walked = node.args[:1]
            elif isinstance(node, ast.Starred):
                walked = [node.value]
            offences += [place(path, one) for one in walked if is_set(one, names)]
    assert not offences, "\n" + "\n".join(offences)


def test_functions_and_files_are_short():
    offences = []
    for path in python_files("src", "tests", "bench", "chaos", "wires", "mutants", "script"):
        if (lines := path.read_text().count("\n")) > FILE_LINES_MAX:
            offences.append(f"{place(path)}: {lines} lines")
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    offences.append(f"{place(path, node)}: {node.name} has {length} lines")
    assert not offences, "\n" + "\n".join(offences)


def test_lines_are_at_most_100_columns():
    scripts = [p for p in (ROOT / "script").iterdir() if p.is_file()]
    paths = (
        python_files("src", "tests", "bench", "chaos", "wires", "mutants")
        + scripts
        + [ROOT / "pyproject.toml"]
    )
    offences = [
        f"{place(path)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > COLUMNS_MAX
    ]
    for path in documents():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            unbreakable = line.lstrip().startswith(("|", "{", '"')) or "](" in line or "'{" in line
            if len(line) > COLUMNS_MAX and not unbreakable:
                offences.append(f"{place(path)}:{number}")
    assert not offences, "\n" + "\n".join(offences)


def test_only_the_outermost_edge_catches_everything():
    offences = []
    for path in python_files("src"):
        if str(path.relative_to(SOURCE)) in CATCHES_ALL:
            continue
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ExceptHandler):
                kinds = ast.unparse(node.type) if node.type is not None else "BaseException"
                last = node.body[-1]
                if isinstance(last, ast.Raise) and last.exc is None:
                    continue  # it cleans up and lets the fault go on
                if re.search(r"\b(Base)?Exception\b", kinds):
                    offences.append(f"{place(path, node)}: except {kinds}")
    assert not offences, "\n" + "\n".join(offences)


def test_names_say_what_things_are():
    offences = []
    for path in python_files("src", "tests", "bench", "chaos", "wires", "mutants"):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ClassDef):
                words = re.findall(r"[A-Z][a-z]*", node.name)
                if BANNED_WORDS.intersection(words):
                    offences.append(f"{place(path, node)}: {node.name}")
    assert not offences, "\n" + "\n".join(offences)


def test_every_module_opens_with_a_docstring():
    offences = []
    for path in python_files("src", "tests", "bench", "chaos", "wires", "mutants"):
        if not ast.get_docstring(parse(path)):
            offences.append(place(path))
    assert not offences, "\n" + "\n".join(offences)


def test_nothing_is_left_unfinished():
    offences = []
    for path in (
        python_files("src", "tests", "bench", "chaos", "wires", "mutants", "script") + documents()
    ):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if UNFINISHED.search(line):
                offences.append(f"{place(path)}:{number}: {line.strip()}")
    assert not offences, "\n" + "\n".join(offences)


def test_nothing_is_imported_that_is_not_declared():
    declared = (ROOT / "pyproject.toml").read_text()
    offences = []
    for path in python_files("src"):
        for node, name in imported(parse(path)):
            top = name.split(".")[0]
            if top in sys.stdlib_module_names or top == "interlock":
                continue
            if f'"{top}>=' not in declared:
                offences.append(f"{place(path, node)}: {top}")
    assert not offences, "\n" + "\n".join(offences)


def documents() -> list[Path]:
    return sorted((ROOT / "docs").rglob("*.md")) + [p for p in [ROOT / "README.md"] if p.exists()]


def test_links_in_documents_lead_somewhere():
    offences = []
    for path in documents():
        for link in LINKS.findall(path.read_text()):
            if link.startswith(("http://", "https://", "mailto:")):
                continue
            target, _, anchor = link.partition("#")
            there = (path.parent / target).resolve() if target else path
            if not there.exists():
                offences.append(f"{place(path)}: {link}")
            elif anchor and there.suffix == ".md" and anchor not in anchors(there):
                offences.append(f"{place(path)}: {link} has no such heading")
    assert not offences, "\n" + "\n".join(offences)


def anchors(path: Path) -> list[str]:
    """The names under which a document's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings]
    return [heading.strip().replace(" ", "-") for heading in plain]


def test_paths_named_in_documents_exist():
    offences = []
    for path in documents():
        for code in re.findall(r"`([^`\n]+)`", path.read_text()):
            for named in PATHS.findall(code) if PATHS.match(code) else ():
                if not (ROOT / named).exists():
                    offences.append(f"{place(path)}: {named}")
    assert not offences, "\n" + "\n".join(offences)
