"""Generation jobs brought forward in this process: the real engine, store and offline model, one order at a time."""

from dataclasses import replace
from threading import Lock

from chalicelib.accounts.tenants import operations as tenants
from chalicelib.accounts.tenants import store as organisations
from chalicelib.accounts.tenants.model import Limits, Tenant
from chalicelib.generation import store
from chalicelib.generation.exports import operations as exports
from chalicelib.generation.jobs import operations
from chalicelib.generation.jobs.request import parse_generation
from chalicelib.generation.seeds import operations as seeds
from chalicelib.generation.seeds.model import SeedFormat
from chalicelib.generation.templates import operations as templates
from chalicelib.generation.templates.definition import parse_definition
from chalicelib.jobs import operations as jobs
from chalicelib.jobs.model import Target
from chalicelib.jobs.orchestrator import Orchestrator
from chalicelib.jobs.running import Runner
from chalicelib.worker import ACTIONS
from tests import make
from tests.engine import Crash

TWO_STEPS = [
    {"id": "draft", "prompt": "Write about {{ topic }} for {{ author.name }}.", "max_tokens": 100},
    {"id": "short", "prompt": "Shorten: {{ steps.draft.output }}", "max_tokens": 50},
]
ONE_STEP = TWO_STEPS[:1]
SCHEMA = {
    "type": "object",
    "properties": {"stars": {"type": "integer"}, "text": {"type": "string"}},
    "required": ["stars", "text"],
}


class MortalDocuments:
    """A store whose user dies at its n-th write, before or after it, and stays dead, whichever thread it was."""

    def __init__(self, documents, writes_left, *, after):
        self._documents = documents
        self._left = writes_left
        self._after = after
        self._lock = Lock()

    def __getattr__(self, name):
        return getattr(self._documents, name)

    def transact(self, writes, *, durable=True):
        with self._lock:
            self._left -= 1
            if self._left < 0:
                if self._left == -1 and self._after:
                    self._documents.transact(writes)
                raise Crash
            self._documents.transact(writes)


class Factory:
    """Somebody with templates and seed data, and a worker whose orders a test runs when it likes."""

    def __init__(self, ports=None, me=None):
        self.ports = ports or make.ports()
        self.me = me or make.caller()
        self.orchestrator = Orchestrator(self.ports, owner="one")
        self.runner = self.new_worker()
        self.taken = 0

    def new_worker(self):
        return Runner(self.ports, None, "w1", ACTIONS)

    def limit(self, **limits):
        """What the organisation may use from now on."""
        if organisations.get_tenant(self.ports.documents, self.me.tenant_id) is None:
            tenant = Tenant(tenant_id=self.me.tenant_id, organisation="Acme", created_at=self.ports.clock.now())
            self.ports.documents.transact(organisations.creation(tenant))
        platform = make.caller(self.me.tenant_id, platform_admin=True)
        tenants.set_limits(self.ports, platform, self.me.tenant_id, lambda _: Limits(**limits))
        self.me = replace(self.me, storage_limit=limits.get("storage"))

    def put_file(self, content):
        """Seed data whose file was put to its link, and which nobody has said to be complete."""
        begun = seeds.begin_upload(self.ports, self.me, name="Products", format=SeedFormat.CSV).seed_data
        self.ports.objects.put(f"uploads/{self.me.tenant_id}/{begun.seed_data_id}", content)
        return begun.seed_data_id

    def seed_data(self, seed_data_id):
        return seeds.get_seed_data(self.ports, self.me, seed_data_id)

    def template(self, steps=None, *, name="Reviews"):
        definition = parse_definition({"name": name, "steps": steps or TWO_STEPS})
        return templates.create(self.ports, self.me, definition).template_id

    def seeds(self, count=10, *, lines=None):
        lines = lines or ["topic,author.name", *(f"topic {number},Author {number % 7}" for number in range(count))]
        return seeds.upload(self.ports, self.me, "\n".join(lines).encode(), name="seeds.csv").seed_data_id

    def request(self, *, steps=None, seeds=10, **fields):
        given = {"budget_limit": 5, "num_records": 20, "model": "offline/small", **fields}
        if "template_id" not in given:
            given["template_id"] = self.template(steps)
        if "seed_data_id" not in given:
            given["seed_data_id"] = self.seeds(seeds)
        return parse_generation(given)

    def submit(self, **fields):
        return operations.submit(self.ports, self.me, self.request(**fields)).job_id

    def make_it(self, **fields):
        """A job, submitted and run to its end."""
        job_id = self.submit(**fields)
        self.run(job_id)
        return job_id

    def run(self, job_id, *, most=100):
        """Look at the job and run what is handed out, until nothing is."""
        for _ in range(most):
            self.orchestrator.look(job_id)
            if not self.run_next():
                return

    def run_next(self):
        handed = self.ports.executors[Target.PROCESS].handed
        if self.taken == len(handed):
            return False
        self.taken += 1
        assignment = handed[self.taken - 1]
        order = self.runner.begin(assignment)
        if order is not None:
            self.runner.store(assignment.job_id, self.runner.run(0, order, assignment))
        return True

    def see(self, job_id):
        return operations.see(self.ports, self.me, job_id)

    def status(self, job_id):
        return self.see(job_id).job.status.value

    def records(self, job_id, **filters):
        """All of them, by their pages."""
        found, start = [], 0
        while start is not None:
            page = operations.list_records(self.ports, self.me, job_id, start=start, limit=7, **filters)
            found += page.items
            start = page.cursor
        return found

    def dataset(self, job_id, path="data.jsonl"):
        """The bytes of an exported file."""
        found = [each for each in exports.list_files(self.ports, self.me, job_id) if each.path == path]
        last = found[-1]
        order = jobs.get_order(self.ports, self.me, last.job_id, last.order_num)
        return self.ports.objects.get(next(each.object for each in order.artifacts if each.path == path))

    def check_books(self, job_id):
        """What must hold at every instant of every job."""
        run = store.load_run(self.ports.documents, job_id)
        assert run.spent + run.reserved + run.free == run.cap
        assert run.free >= 0
        assert run.spent == sum(line["cost"] for line in store.lines(self.ports.documents, job_id))
        assert run.spent == sum(step.cost for step in store.load_steps(self.ports.documents, job_id))
        return run

    def advance(self, job_id, operation, *args):
        """An operation on the job, and what follows from it."""
        operation(self.ports, self.me, job_id, *args)
        self.run(job_id)
