"""What the documents and the workflow promise about the project itself."""

import json
import re
import subprocess
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from chalicelib.generation.jobs.request import parse_generation
from chalicelib.generation.templates.shipped import shipped
from chalicelib.jobs.submission import parse_submission
from chalicelib.settings import CLIENT_VARIABLES, Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())["jobs"]
DEPLOYMENT = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())
TIERS = {
    "check": "make check",
    "unit": "make unit",
    "integration": "make integration",
    "e2e": "make e2e",
    "performance": "make load",
    "coverage": "make coverage",
}


def make_targets():
    return set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))


def locked(name):
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))


def names(requirements):
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def commands(job):
    return [step["run"] for step in WORKFLOW[job]["steps"] if "run" in step]


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_each_make_target_that_help_shows_says_what_it_does():
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = dict(line.split(maxsplit=1) for line in shown.splitlines())
    assert make_targets() - {"ready"} == set(lines)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z0-9]+)\b", README))))
def test_each_make_command_of_the_readme_exists(target):
    assert target in make_targets()


def test_the_readme_s_first_commands_are_run_and_test():
    block = README.split("```sh\n", 1)[1].split("```", 1)[0]
    assert [line.split("#")[0].strip() for line in block.strip().splitlines()] == ["make run", "make test"]


def test_the_settings_table_of_the_readme_is_that_of_the_code():
    rows = re.findall(r"^\| `(MILLRACE_\w+)` \| `?([^|`]*)`? \| ([^|]+) \|$", README, re.MULTILINE)
    code = [each.metadata for each in fields(Settings)]
    assert [(a, b.strip(), c) for a, b, c in rows] == [(each["name"], each["default"], each["help"]) for each in code]


def test_the_readme_names_the_settings_of_the_command_line():
    assert all(f"`{name}`" in README for name in CLIENT_VARIABLES)


def test_the_readme_s_first_job_is_one():
    job = parse_submission(README.split("<<'END'\n", 1)[1].split("END", 1)[0])
    assert [order.order_name for order in job.orders] == ["boil", "cups", "pour"]


def test_the_readme_s_job_by_rest_is_one():
    [body] = re.findall(r"-d '(\{\"orders\".*\})'", README)
    assert parse_submission(body).orders


def test_the_readme_s_dataset_by_rest_is_one():
    [body] = re.findall(r"api jobs '(\{.*\})'", README)
    asked = parse_generation(json.loads(body.replace("'$seeds'", "01JSEEDS")))
    assert asked.template_id in shipped()


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_each_local_link_of_the_readme_leads_somewhere(link):
    assert (ROOT / link).exists()


@pytest.mark.parametrize("folder", re.findall(r"^\| `([a-z/]+)` \| [^|]+ \|$", README, re.MULTILINE))
def test_each_folder_of_the_readme_s_map_exists(folder):
    assert (ROOT / folder).is_dir()


@pytest.mark.parametrize(("job", "command"), TIERS.items())
def test_each_tier_runs_its_make_target_in_the_workflow(job, command):
    assert commands(job) == [command]


def test_the_workflow_has_no_other_jobs():
    assert set(WORKFLOW) == set(TIERS)


def test_the_tiers_of_the_workflow_stand_on_each_other():
    chain = ["check", "unit", "integration", "e2e", "performance"]
    assert [WORKFLOW[job].get("needs") for job in chain] == [None, *chain[:-1]]


def test_the_gate_waits_for_all_measurements():
    assert WORKFLOW["coverage"]["needs"] == ["unit", "integration", "e2e", "performance"]


def test_every_job_of_the_workflow_is_prepared_the_same_way():
    prepared = {
        job: [step for step in jobs["steps"] if step.get("uses") == "./.github/actions/prepare"]
        for job, jobs in WORKFLOW.items()
    }
    assert all(len(steps) == 1 for steps in prepared.values())


def test_the_workflow_knows_one_python_and_it_is_the_oldest_we_promise():
    text = "".join(path.read_text() for path in (ROOT / ".github").rglob("*.yml"))
    assert re.findall(r'"(3\.\d+)"', text) == [PROJECT["requires-python"].removeprefix(">=")]


def test_a_release_is_packaged_deployed_and_looked_at():
    steps = [step["run"] for step in DEPLOYMENT["jobs"]["deploy"]["steps"] if "run" in step]
    found = re.findall(r"\bmake (\w+)|\bgh (issue)", "\n".join(steps))
    assert ["".join(pair) for pair in found] == ["package", "deploy", "smoke", "issue"]


def test_a_failed_deployment_is_told():
    last = DEPLOYMENT["jobs"]["deploy"]["steps"][-1]
    assert (last["if"], "gh issue create" in last["run"]) == ("failure()", True)


def test_only_a_release_is_deployed():
    assert DEPLOYMENT[True] == {"push": {"tags": ["v*"]}}  # YAML reads `on` as true


def test_every_test_file_is_in_a_tier():
    found = {path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").rglob("test_*.py")}
    assert found <= {"unit", "integration", "e2e"}


def test_the_local_ci_runs_make_test():
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "make test"


def test_the_lock_to_run_holds_what_the_project_names():
    wanted = names(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["home"])
    assert wanted <= set(map(canonicalize_name, locked("home.txt")))


def test_the_lock_to_test_holds_what_the_project_names():
    wanted = names(PROJECT["optional-dependencies"]["test"])
    assert wanted <= set(map(canonicalize_name, locked("test.txt")))


def test_what_is_tested_is_what_is_run():
    assert locked("home.txt").items() <= locked("test.txt").items()


def test_the_lambda_gets_the_versions_of_the_lock():
    exported = (ROOT / "backend/requirements.txt").read_text().splitlines()
    assert set(exported) <= {f"{canonicalize_name(name)}=={version}" for name, version in locked("home.txt").items()}


def test_no_file_names_a_path_of_somebody_s_machine():
    here = rb"|(?<!\w)" + re.escape(str(ROOT).encode()) + rb"\b" if len(ROOT.parts) > 2 else b""
    private = re.compile(rb"(?<!\w)/(?:home|Users)/[a-z]" + here)
    assert [path for path in tracked_files() if not path.is_symlink() and private.search(path.read_bytes())] == []
