"""The zip and the template that go to AWS: what is in them, and whether they are whole."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.package import LARGEST
from tests.packaged import package, shared_folder

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
LAMBDA_BRINGS = {"boto3", "botocore"}
NOT_THERE = {"pyarrow"}
"""Larger than what Lambda takes: exports to Parquet say so there."""
TYPES_ONLY = {"_typeshed"}
LOOK = """
import ast, importlib, importlib.util, json, sys
from pathlib import Path

root = Path(sys.argv[1])
sys.path.insert(0, str(root))

def source_of(name):
    path = root.joinpath(*name.split("."))
    return next((each for each in (path.with_suffix(".py"), path / "__init__.py") if each.exists()), None)

def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)

waiting, seen, missing = ["app"], set(), set()
while waiting:
    name = waiting.pop()
    if name in seen:
        continue
    seen.add(name)
    top = name.split(".")[0]
    if top not in ("app", "chalicelib", "frontend"):
        if importlib.util.find_spec(top) is None:
            missing.add(top)
        continue
    source = source_of(name)
    if source:
        waiting += imported(ast.parse(source.read_text()))
importlib.import_module("app")
print(json.dumps(sorted(missing)))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(shared_folder(tmp_path_factory))


@pytest.fixture(scope="module")
def template(folder):
    return json.loads((folder / "sam.json").read_text())


@pytest.fixture(scope="module")
def names(folder):
    with zipfile.ZipFile(folder / "deployment.zip") as archive:
        return set(archive.namelist())


def test_lambda_takes_the_zip(folder):
    assert (folder / "deployment.zip").stat().st_size < LARGEST


def test_the_zip_holds_the_pages_too(names):
    assert {
        "frontend/templates/base.html",
        "frontend/static/millrace.css",
        "frontend/static/vendor/htmx.min.js",
    } <= names


def test_the_zip_holds_nothing_of_chalice_but_its_runtime(names):
    sources = {name for name in names if name.startswith("chalice/") and name.endswith(".py")}
    assert sources == {"chalice/__init__.py", "chalice/app.py"}


def test_the_zip_holds_no_leftovers(names):
    assert [name for name in names if name.startswith((".chalice", "tests/", "requirements"))] == []


def test_no_start_has_to_compile_anything(names):
    sources = {name for name in names if name.endswith(".py")}
    tag = sys.implementation.cache_tag
    compiled = {re.sub(rf"__pycache__/(\w+)\.{tag}\.pyc$", r"\1.py", name) for name in names if name.endswith(".pyc")}
    assert compiled == sources


def test_compiled_code_in_the_zip_is_for_lambda(names):
    binaries = [name for name in names if name.endswith(".so")]
    assert binaries
    assert [name for name in binaries if "x86_64-linux-gnu" not in name and "abi3" not in name] == []


def test_all_that_the_functions_import_is_in_the_zip_or_in_lambda(folder, tmp_path):
    with zipfile.ZipFile(folder / "deployment.zip") as archive:
        archive.extractall(tmp_path)
    # Without site-packages: what only this environment has must not be found.
    command = [sys.executable, "-I", "-S", "-c", LOOK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert set(json.loads(done.stdout)) == LAMBDA_BRINGS | NOT_THERE | TYPES_ONLY


def test_cfn_lint_finds_nothing_in_the_template(folder):
    command = [Path(sys.executable).with_name("cfn-lint"), "-t", folder / "sam.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_entry_point_has_its_place_in_the_infrastructure(template):
    functions = [each for each in template["Resources"].values() if each["Type"] == "AWS::Serverless::Function"]
    assert len(functions) == 9
    assert [each for each in functions if "FunctionName" not in each["Properties"]] == []


def test_no_role_is_left_that_chalice_made(template):
    assert "DefaultRole" not in template["Resources"]
    assert "infrastructure-names-the-real-one" not in json.dumps(template)


def test_events_are_those_of_the_stage_s_own_queues_and_bucket(template):
    events = {
        name: next(iter(each["Properties"]["Events"].values()))["Properties"]
        for name, each in template["Resources"].items()
        if each["Type"] == "AWS::Serverless::Function" and "Events" in each["Properties"]
    }
    assert events["OnCallbacks"]["Pattern"]["detail"]["bucket"] == {"name": [{"Ref": "Bucket"}]}
    assert events["OnWakeUps"]["Queue"] == {"Fn::Sub": "${WakeUps.Arn}"}
    assert events["OnOrders"]["Queue"] == {"Fn::Sub": "${Orders.Arn}"}
    assert events["OnNotices"]["Queue"] == {"Fn::Sub": "${Notices.Arn}"}


def test_api_gateway_leaves_bodies_as_they_are(template):
    definition = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    assert definition["x-amazon-apigateway-binary-media-types"] == ["*/*"]


def test_api_gateway_takes_the_routes(template):
    """It knows one name of a parameter at one place, and at most 300 places."""
    paths = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    names: dict[str, set[str]] = {}
    places = set()
    for path in paths:
        parts = path.strip("/").split("/")
        for index, part in enumerate(parts):
            before = "/".join("{}" if each.startswith("{") else each for each in parts[:index])
            places.add(f"{before}/{part}")
            if part.startswith("{"):
                names.setdefault(before, set()).add(part)
    assert {before: found for before, found in names.items() if len(found) > 1} == {}
    assert len(places) < 300


def test_cloudformation_takes_the_template(template):
    """At most 1 MB, 500 resources and 200 parameters."""
    assert len(json.dumps(template)) < 1_000_000
    assert len(template["Resources"]) < 400
