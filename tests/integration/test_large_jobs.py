"""Jobs as large as they may be, on both stores: DynamoDB takes 400 KB in an item and 4 MB in a transaction."""

from dataclasses import replace

import pytest

from chalicelib.errors import Invalid
from chalicelib.jobs import operations, results
from chalicelib.jobs.model import Artifact, OrderStatus
from tests import make
from tests.engine import Engine

pytestmark = pytest.mark.integration


@pytest.fixture
def engine(ports):
    return Engine(ports)


def test_orders_that_do_not_fit_into_one_transaction_together(engine):
    orders = [make.order(cmds=["x" * 90_000]) for _ in range(60)]
    job_id = engine.submit(*orders)
    shown = operations.get_orders(engine.ports, engine.me, job_id)
    assert [(each.number, len(each.spec.commands[0])) for each in shown] == [(n, 90_000) for n in range(1, 61)]


def test_an_order_too_large_for_a_document_is_refused_with_its_place(engine):
    with pytest.raises(Invalid) as refused:
        engine.submit(make.order(), make.order(cmds=["x" * 80_000] * 3))
    assert [fault.place for fault in refused.value.faults] == ["orders[1]"]


def test_an_order_has_room_for_all_that_can_happen_to_it(engine):
    """The largest one there is fails as often as is kept, with the longest reasons, and leaves the longest names."""
    outputs = [f"{number:02}{'x' * 195}" for number in range(100)]
    cmds = ["x" * 72_000, "y" * 72_000]
    job_id = engine.submit(make.order(cmds=cmds, outputs=outputs, retries=20))
    engine.look(job_id)
    for _ in range(20):
        engine.end(job_id, 1, OrderStatus.FAILED, reason="\U0001f525" * 1000)
    assignment = engine.begin(job_id, 1)
    place = f"artifacts/{'t' * 26}/{job_id}/0001/0021"
    artifacts = [Artifact(path=path, size=2**40, object=f"{place}/{path}") for path in outputs]
    left = replace(engine.result(assignment), artifacts=tuple(artifacts))
    results.report(engine.ports, job_id, left)
    engine.look(job_id)
    assert (engine.job(job_id).status, len(engine.order(job_id, 1).artifacts)) == ("succeeded", 100)


def test_names_of_outputs_have_a_limit_in_all():
    with pytest.raises(Invalid):
        make.request(make.order(outputs=[f"{number:02}{'x' * 300}" for number in range(100)]))
