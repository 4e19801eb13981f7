"""The house rules. Imports inside functions count like all others."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BACKEND = ROOT / "backend"
PORTS = {"documents", "identity", "keys", "llm", "mail", "objects", "presence", "queues", "rates", "sources", "vcs"}
PORT_PACKAGES = {f"chalicelib.{name}" for name in PORTS} | {"chalicelib.jobs.executors"}
EDGES = {"api", "tasks"}
WEB = {
    f"chalicelib.{name}"
    for name in ("application", "cli", "exchange", "gateway", "openapi", "rest", "server", "web", "worker")
}
CLOCKS = {"datetime.now", "datetime.today", "datetime.utcnow", "date.today", "time.time", "time.time_ns"}
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.putenv"}


def source_files() -> Iterator[tuple[str, Path]]:
    for base, folder in ((BACKEND, BACKEND / "chalicelib"), (ROOT, ROOT / "frontend")):
        for path in folder.rglob("*.py"):
            yield ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__"), path
    yield "app", BACKEND / "app.py"


@cache
def trees() -> dict[str, ast.Module]:
    return {name: ast.parse(path.read_text()) for name, path in source_files() if path.exists()}


def imported(tree: ast.Module) -> Iterator[str]:
    """What is imported, in full: `from a import b` gives `a` and `a.b`, whether b is a module or a name in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


@cache
def all_imports() -> list[tuple[str, str]]:
    """(importer, imported) of the whole product."""
    return sorted({(importer, name) for importer, tree in trees().items() for name in imported(tree)})


def attributes(tree: ast.Module) -> set[str]:
    """Every `name.attribute` that is used, and what `from name import attribute` brings in."""
    used = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return used | set(imported(tree))


def users(names: set[str]) -> list[str]:
    return sorted(module for module, tree in trees().items() if attributes(tree) & names)


def is_below(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@cache
def features() -> set[str]:
    folders = {name.split(".")[1] for name in trees() if name.startswith("chalicelib.") and name.count(".") > 1}
    return {f"chalicelib.{folder}" for folder in folders - PORTS}


def feature_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def is_edge(module: str) -> bool:
    """An edge, or a name in one."""
    return not EDGES.isdisjoint(module.split(".")[-2:]) or is_below(module, {"frontend"})


def test_the_rules_see_the_product() -> None:
    assert {"chalicelib.wiring", "chalicelib.documents.sqlite", "frontend.rendering"} <= trees().keys()
    assert {"chalicelib.accounts", "chalicelib.jobs"} <= features()


def test_imports_are_absolute() -> None:
    assert [pair for pair in all_imports() if pair[1].startswith(".")] == []


def test_only_wiring_looks_inside_a_port() -> None:
    allowed = {("chalicelib.wiring", package) for package in PORT_PACKAGES} | {
        # The other end of the process executor's queue.
        ("chalicelib.worker", "chalicelib.jobs.executors"),
        ("chalicelib.health", "chalicelib.jobs.executors"),
        # The doctor compares what is there with what the adapters want.
        ("chalicelib.doctor_aws", "chalicelib.documents"),
        ("chalicelib.doctor_aws", "chalicelib.queues"),
        # A backup is of files, and leaves out the unfinished ones.
        ("chalicelib.backup", "chalicelib.objects"),
    }
    inside = {name for name in trees() if is_below(name, PORT_PACKAGES) and name not in PORT_PACKAGES}
    strangers = [
        (importer, name)
        for importer, name in all_imports()
        for package in PORT_PACKAGES
        if name in inside and is_below(name, {package}) and not is_below(importer, {package})
        if (importer, package) not in allowed
    ]
    assert strangers == []


def test_a_port_knows_no_feature_and_no_edge() -> None:
    ports = {f"chalicelib.{name}" for name in PORTS}
    outside = features() | WEB | {"chalicelib.wiring", "frontend"}
    assert [pair for pair in all_imports() if is_below(pair[0], ports) and is_below(pair[1], outside)] == []


def test_a_store_serves_its_own_feature() -> None:
    stores = {f"{feature}.store" for feature in features()}
    strangers = [
        (importer, name)
        for importer, name in all_imports()
        if name in stores and (feature_of(importer) != feature_of(name) or is_edge(importer))
    ]
    assert strangers == []


def test_a_feature_does_not_know_its_edges() -> None:
    edges = WEB | {"frontend"} | {f"{feature}.{edge}" for feature in features() for edge in EDGES}
    inner = [pair for pair in all_imports() if is_below(pair[0], features()) and not is_edge(pair[0])]
    assert [pair for pair in inner if is_below(pair[1], edges)] == []


def test_app_and_command_line_reach_features_through_their_edges() -> None:
    entries = [pair for pair in all_imports() if pair[0] in {"app", "chalicelib.cli"}]
    assert [pair for pair in entries if is_below(pair[1], features()) and not is_edge(pair[1])] == []


def test_only_aws_imports_boto3() -> None:
    boto = {"boto3", "botocore", "s3transfer"}
    assert {importer for importer, name in all_imports() if is_below(name, boto)} == {"chalicelib.aws"}


def test_only_the_web_module_and_the_app_import_chalice() -> None:
    assert {importer for importer, name in all_imports() if is_below(name, {"chalice"})} <= {"chalicelib.web", "app"}


def test_only_those_modules_of_chalice_are_used_that_it_ships() -> None:
    names = {name for _, name in all_imports() if is_below(name, {"chalice"})}
    assert {name for name in names if is_module(name)} <= {"chalice", "chalice.app"}


def is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def test_only_settings_reads_the_environment() -> None:
    assert users(ENVIRONMENT) == ["chalicelib.settings"]


def test_only_the_clock_tells_the_time() -> None:
    # What compares with file times needs the machine's clock, from which they come, whatever ours says.
    of_files = {"chalicelib.backup", "chalicelib.objects.folder", "chalicelib.shells.scratch"}
    assert set(users(CLOCKS)) - of_files == {"chalicelib.clock"}


def test_only_the_clock_makes_sortable_ids() -> None:
    assert {importer for importer, name in all_imports() if is_below(name, {"ulid"})} == {"chalicelib.clock"}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT / "tests"))
)
def test_no_test_mocks_our_code(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not [name for name in imported(tree) if is_below(name, {"mock", "pytest_mock", "unittest.mock"})]
    patched = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"setattr", "delattr", "setitem"}
    ]
    assert patched == []
