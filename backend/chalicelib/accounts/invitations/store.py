"""Where invitations live: a partition per tenant, a pointer per token, and one document per invited address."""

from dataclasses import asdict

from chalicelib.accounts.invitations.model import Invitation, InvitationStatus
from chalicelib.accounts.model import Role
from chalicelib.clock import from_text, to_text
from chalicelib.documents import Absent, Delete, Document, Documents, FieldIs, Key, Put, VersionIs, Write


def partition(tenant_id: str) -> str:
    return f"tenant#{tenant_id}#invitations"


def key(tenant_id: str, invitation_id: str) -> Key:
    return Key(partition(tenant_id), invitation_id)


def invited_key(invitation: Invitation) -> Key:
    """Is there while an invitation of the address is pending: there is one at a time."""
    return Key(f"tenant#{invitation.tenant_id}#invited", invitation.email)


def put(invitation: Invitation) -> Put:
    body = asdict(invitation) | {
        "role": invitation.role.value,
        "stored": invitation.stored.value,
        "created_at": to_text(invitation.created_at),
        "expires_at": to_text(invitation.expires_at),
        "ended_at": to_text(invitation.ended_at) if invitation.ended_at else None,
    }
    del body["version"]
    condition = VersionIs(invitation.version) if invitation.version else Absent()
    return Put(key(invitation.tenant_id, invitation.invitation_id), body, [condition])


def creation(invitation: Invitation) -> list[Write]:
    return [put(invitation), put_token(invitation), put_invited(invitation, known=False)]


def removal(invitation: Invitation) -> list[Write]:
    """As if it had never been."""
    own = key(invitation.tenant_id, invitation.invitation_id)
    return [Delete(own), delete_token(invitation.token_hash), delete_invited(invitation)]


def put_token(invitation: Invitation) -> Put:
    place = {"tenant_id": invitation.tenant_id, "invitation_id": invitation.invitation_id}
    return Put(_token_key(invitation.token_hash), place, [Absent()])


def delete_token(token_hash: str) -> Delete:
    return Delete(_token_key(token_hash))


def put_invited(invitation: Invitation, *, known: bool) -> Put:
    condition = FieldIs("invitation_id", invitation.invitation_id) if known else Absent()
    mark = {"invitation_id": invitation.invitation_id}
    return Put(invited_key(invitation), mark, [condition], expires=invitation.expires_at)


def delete_invited(invitation: Invitation) -> Delete:
    return Delete(invited_key(invitation), [FieldIs("invitation_id", invitation.invitation_id)])


def get(documents: Documents, tenant_id: str, invitation_id: str) -> Invitation | None:
    found = documents.get(key(tenant_id, invitation_id)) if invitation_id.isalnum() else None
    return to_invitation(found) if found else None


def find_by_token(documents: Documents, token_hash: str) -> Invitation | None:
    pointer = documents.get(_token_key(token_hash))
    return get(documents, pointer.body["tenant_id"], pointer.body["invitation_id"]) if pointer else None


def pending_id(documents: Documents, invitation: Invitation) -> str:
    """Which invitation of the address is pending; empty when none is."""
    found = documents.get(invited_key(invitation))
    return found.body["invitation_id"] if found else ""


def to_invitation(document: Document) -> Invitation:
    body = dict(document.body)
    body |= {
        "role": Role(body["role"]),
        "stored": InvitationStatus(body["stored"]),
        "created_at": from_text(body["created_at"]),
        "expires_at": from_text(body["expires_at"]),
        "ended_at": from_text(body["ended_at"]) if body["ended_at"] else None,
    }
    return Invitation(**body, version=document.version)


def _token_key(token_hash: str) -> Key:
    return Key(f"invitation#{token_hash}", "token")
