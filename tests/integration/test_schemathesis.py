"""Requests made up from the API's own description, valid ones and others: each answer must be one that it describes.

That everything the description admits is accepted is not asked for: no schema says which cursors were given out, that
orders depend on orders that are there, or that an Idempotency-Key belongs to one request.
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from chalicelib.application import create_app
from tests import make
from tests.people import People

EXAMPLES = 40
EVERY_OTHER = 2

OPERATIONS = [(each.method, each.path) for each in create_app().table if each.description]

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def people():
    return People(make.ports())


@pytest.fixture(scope="module")
def api(people):
    """The description, whose made-up job ids are real ones half of the time."""
    found = schemathesis.openapi.from_wsgi("/api/openapi.json", people.wsgi)
    job_ids = [people.owner.post("/api/jobs", make.submission()).json["job_id"] for _ in range(3)]

    def use_real_jobs(_, parameters):
        made_up = (parameters or {}).get("job_id", "")
        if made_up and len(made_up) % EVERY_OTHER:
            return {**parameters, "job_id": job_ids[len(made_up) % len(job_ids)]}
        return parameters

    found.hook("map_path_parameters")(use_real_jobs)
    return found


@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_every_answer_is_one_that_the_description_has(api, people, operation):
    method, path = operation

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=api[path][method].as_strategy())
    def check(case):
        case.call_and_validate(
            headers={"Authorization": f"Bearer {people.owner.token}"}, excluded_checks=[positive_data_acceptance]
        )

    check()
