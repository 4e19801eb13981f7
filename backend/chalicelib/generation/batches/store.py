"""Where batches live: `batch#<id>`, and in the first index by tenant and time."""

from typing import Any

from chalicelib.clock import from_text, to_text
from chalicelib.documents import Absent, Document, Documents, Index, Key, Put
from chalicelib.errors import NotFound
from chalicelib.generation.batches.model import Batch, BatchJob, SweepKey


def put_batch(batch: Batch) -> Put:
    born = f"{to_text(batch.created_at)}#{batch.batch_id}"
    jobs = [{"job_id": each.job_id, "value": each.value, "cap": each.cap} for each in batch.jobs]
    body: dict[str, Any] = {
        "tenant_id": batch.tenant_id,
        "name": batch.name,
        "sweep_key": batch.sweep_key.value,
        "cap": batch.cap,
        "username": batch.username,
        "created_at": to_text(batch.created_at),
        "jobs": jobs,
    }
    return Put(_key(batch.batch_id), body, [Absent()], {Index.FIRST: Key(tenant_index(batch.tenant_id), born)})


def find_batch(documents: Documents, batch_id: str) -> Batch:
    """Raises NotFound."""
    found = documents.get(_key(batch_id)) if batch_id.isalnum() else None
    if found is None:
        raise NotFound(f"There is no batch {batch_id}.")
    return to_batch(found)


def to_batch(document: Document) -> Batch:
    body = document.body
    return Batch(
        batch_id=document.key.partition.removeprefix("batch#"),
        tenant_id=body["tenant_id"],
        name=body["name"],
        sweep_key=SweepKey(body["sweep_key"]),
        cap=body["cap"],
        username=body["username"],
        created_at=from_text(body["created_at"]),
        jobs=[BatchJob(**each, status="submitting") for each in body["jobs"]],
    )


def tenant_index(tenant_id: str) -> str:
    return f"batches#{tenant_id}"


def _key(batch_id: str) -> Key:
    return Key(f"batch#{batch_id}", "batch")
