"""Files that were promised and never came, or were never said to be complete: room that nobody pays for."""

import logging

from chalicelib.documents import ConditionFailed, VersionIs
from chalicelib.errors import Fault
from chalicelib.generation.seeds import store
from chalicelib.generation.seeds.checking import ended
from chalicelib.generation.seeds.model import SeedData
from chalicelib.generation.seeds.records import records_prefix
from chalicelib.generation.seeds.storing import Outcome
from chalicelib.jobs import operations as jobs
from chalicelib.wiring import Ports

log = logging.getLogger(__name__)

_AT_ONCE = 100
_TOO_LATE = Fault("", "The upload was not completed within a day; upload the file again.")


def sweep_uploads(ports: Ports) -> int:
    """Give up uploads that took longer than a day, and remove what came of them; how many there were."""
    late = store.overdue(ports.documents, ports.clock.now(), limit=_AT_ONCE)
    return sum(_give_up(ports, each) for each in late if not jobs.is_open(ports, each.job_id))


def _give_up(ports: Ports, seed_data: SeedData) -> bool:
    after = ended(seed_data, Outcome(seed_data.size, faults=[_TOO_LATE]))
    try:
        ports.documents.transact([store.put_seeds(after, VersionIs(seed_data.revision))])
    except ConditionFailed:
        return False
    ports.objects.delete(store.upload_object(seed_data.tenant_id, seed_data.seed_data_id))
    ports.objects.delete_prefix(records_prefix(seed_data.tenant_id, seed_data.seed_data_id))
    log.info("the upload of seed data %s was not completed within a day", seed_data.seed_data_id)
    return True
