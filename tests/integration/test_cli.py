"""The command line as people use it, against the running product."""

import json
import os
import socket
import subprocess
import uuid

import pytest

from tests.product import MILLRACE, running

pytestmark = pytest.mark.integration

GREETING = {"orders": [{"order_name": "greet", "cmds": ["echo hello"], "timeout": 30}]}


def failing(**fields):
    return {"orders": [{"cmds": ["echo last words", "exit 3"], "timeout": 30, **fields}]}


def sleeping(seconds):
    return {"orders": [{"order_name": "sleep", "cmds": [f"sleep {seconds}"], "timeout": 600}]}


class Terminal:
    """Runs `millrace` with a configuration folder of its own."""

    def __init__(self, folder, url="", **settings):
        given = {f"MILLRACE_{name.upper()}": str(value) for name, value in settings.items()}
        self.environment = {**os.environ, "XDG_CONFIG_HOME": str(folder), "MILLRACE_URL": url, **given}

    def __call__(self, *arguments, text=""):
        return subprocess.run(
            [MILLRACE, *map(str, arguments)],
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def start(self, *arguments):
        pipe = subprocess.PIPE
        return subprocess.Popen([MILLRACE, *arguments], env=self.environment, stdout=pipe, stderr=pipe, text=True)

    def submit(self, job):
        return self("submit", "-", text=json.dumps(job)).stdout.strip()

    def signed_up(self):
        name = uuid.uuid4().hex
        self.entered = ["--email", f"{name}@example.org", "--password", "analytical engine"]
        assert self("signup", *self.entered, "--organisation", f"Org {name}").returncode == 0
        return self


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cli") / "data") as product:
        yield product


@pytest.fixture(scope="module")
def millrace(product, tmp_path_factory):
    return Terminal(tmp_path_factory.mktemp("config"), product.url).signed_up()


def test_a_job_is_submitted_and_watched_to_its_end(millrace):
    done = millrace("submit", "-", "--watch", text=json.dumps(GREETING))
    assert (done.returncode, "0001 greet: succeeded" in done.stdout) == (0, True)


def test_submitting_prints_the_id_alone_and_the_link_beside(millrace, product):
    done = millrace("submit", "-", text="orders: [{cmds: [echo hello], timeout: 30}]")
    assert done.stderr.strip() == f"{product.url}/jobs/{done.stdout.strip()}"


@pytest.mark.parametrize(("job", "code"), [(failing(), 1), (failing(must_succeed=False), 2)])
def test_the_exit_code_of_a_watch_tells_how_the_job_ended(millrace, job, code):
    assert millrace("watch", millrace.submit(job)).returncode == code


def test_faults_are_shown_at_their_places(millrace):
    done = millrace("submit", "-", text="orders:\n  - cmds: []\n")
    assert done.returncode == 3
    assert "orders[0].cmds:" in done.stderr
    assert "orders[0].timeout:" in done.stderr


def test_broken_yaml_is_told_with_its_line(millrace):
    assert "line 2, column" in millrace("submit", "-", text="orders:\n\t- x").stderr


def test_a_command_that_is_not_understood_has_a_code_of_its_own(millrace):
    assert millrace("submitt").returncode == 64


def test_an_unknown_job_is_refused_without_a_traceback(millrace):
    done = millrace("watch", "NOSUCHJOB")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)


def test_a_log_is_followed_to_its_end(millrace):
    assert millrace("log", millrace.submit(GREETING), "greet", "--follow").stdout == "hello\n"


def test_the_newest_jobs_are_listed_as_json(millrace):
    job_id = millrace.submit(GREETING)
    assert json.loads(millrace("list", "--json", "--limit", 1).stdout)["job_id"] == job_id


def test_a_list_is_filtered(millrace):
    job_id = millrace.submit(failing())
    millrace("watch", job_id)
    assert job_id in millrace("list", "--status", "failed", "--since", "2020-01-01").stdout


def test_a_cancelled_job_ends(millrace):
    job_id = millrace.submit(sleeping(600))
    assert millrace("cancel", job_id).returncode == 0
    assert "cancelled" in millrace("watch", job_id).stdout


def test_a_retry_is_previewed_and_then_done(millrace):
    job_id = millrace.submit(failing())
    millrace("watch", job_id)
    assert "reruns: 0001" in millrace("retry", job_id, "--preview").stdout
    assert millrace("retry", job_id).returncode == 0


def test_without_signing_in_it_says_what_to_do(product, tmp_path):
    done = Terminal(tmp_path, product.url)("list")
    assert (done.returncode, "millrace login" in done.stderr) == (3, True)


def test_after_signing_out_it_asks_again(product, tmp_path):
    other = Terminal(tmp_path, product.url).signed_up()
    other("logout")
    assert other("list").returncode == 3


def test_a_watch_outlives_a_killed_server(tmp_path):
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    with running(tmp_path / "data", port=port) as product:
        millrace = Terminal(tmp_path / "config", product.url).signed_up()
        job_id = millrace.submit(sleeping(2))
        watch = millrace.start("watch", job_id)
        product.kill()
    with running(tmp_path / "data", port=port):
        output, errors = watch.communicate(timeout=60)
    assert (watch.returncode, errors) == (0, "")
    assert "0001 sleep: succeeded" in output


def test_a_backup_of_the_running_product_brings_everything_back(millrace, product, tmp_path):
    job_id = millrace.submit(GREETING)
    assert Terminal(tmp_path, data=product.data)("backup", tmp_path / "saved.tar").returncode == 0
    assert Terminal(tmp_path, data=tmp_path / "new")("restore", tmp_path / "saved.tar").returncode == 0
    with running(tmp_path / "new") as restored:
        again = Terminal(tmp_path / "config", restored.url)
        again("login", *millrace.entered)
        assert again("watch", job_id).returncode == 0


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_data_in_aws_is_backed_up_by_aws(tmp_path, command):
    (tmp_path / "saved.tar").touch()
    done = Terminal(tmp_path, home="aws")(command, tmp_path / "saved.tar")
    assert (done.returncode, "point" in done.stderr, "Traceback" in done.stderr) == (3, True, False)


def test_the_doctor_finds_a_sound_set_up_sound(product, tmp_path):
    doctor = Terminal(tmp_path, data=product.data, port=product.port)
    assert doctor("doctor").returncode == 0


def test_the_doctor_finds_a_port_that_something_else_has(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = Terminal(tmp_path, data=tmp_path / "data", port=taken.getsockname()[1])("doctor")
    assert (done.returncode, "Something other than Millrace" in done.stdout) == (1, True)


def test_the_doctor_names_a_setting_that_is_wrong(tmp_path):
    done = Terminal(tmp_path, port="x")("doctor")
    assert (done.returncode, "MILLRACE_PORT" in done.stdout) == (1, True)
