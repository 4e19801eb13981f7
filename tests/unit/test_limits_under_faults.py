"""The same faults in a tenant that has a limit of orders in flight and wants to be told of ends."""

from hypothesis import settings
from hypothesis.stateful import invariant

from chalicelib.accounts.tenants import store
from chalicelib.accounts.tenants.model import Limits, Tenant
from chalicelib.documents import Index, Range
from chalicelib.jobs import slots
from chalicelib.notifications.notices import OPEN_NOTICES
from tests.unit.test_engine_under_faults import FaultyHome

LIMIT = 2


class LimitedHome(FaultyHome):
    def furnish(self, ports):
        tenant = Tenant(
            tenant_id="acme",
            organisation="Acme",
            created_at=ports.clock.now(),
            limits=Limits(concurrency=LIMIT),
            channels=1,
        )
        ports.documents.transact(store.creation(tenant))

    @invariant()
    def every_order_in_flight_holds_one_place(self):
        if not hasattr(self, "job_id"):
            return
        page = self.ports.documents.query(slots.partition("acme"), Range(prefix="slot#"), limit=100)
        holders = sorted(each.body["number"] for each in page.items)
        statuses = self.engine.statuses(self.job_id)
        active = [number for number, each in enumerate(statuses, 1) if each in ("dispatching", "running")]
        assert holders == active
        assert len(active) <= LIMIT

    @invariant()
    def every_end_is_told_once(self):
        if not hasattr(self, "job_id"):
            return
        told = self.ports.documents.query_index(Index.THIRD, OPEN_NOTICES, limit=100).items
        ended = [kind for kind in self.engine.kinds(self.job_id) if kind in ENDS]
        assert len(told) == len(ended)


ENDS = {"job.succeeded", "job.failed", "job.timed_out", "job.cancelled"}
TestLimitedHome = LimitedHome.TestCase
TestLimitedHome.settings = settings(max_examples=60, stateful_step_count=40)
