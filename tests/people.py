"""Personas, signed in: ada owns Engines, grace works with her, edsger may look, and mallory is from elsewhere."""

from chalicelib.accounts import operations, store
from chalicelib.accounts.model import Role
from tests.client import Client, gateway

PASSWORD = "correct horse battery"


class People:
    """Each is a client of one application over these ports."""

    def __init__(self, ports):
        self.ports = ports
        self.wsgi = gateway(ports)
        owner = operations.signup(ports, email="ada@engines.example", password=PASSWORD, organisation="Engines")
        self.tenant_id = operations.caller_of(ports, owner).tenant_id
        self.owner = self._client(owner)
        self.teammate = self._client(self._member("grace@engines.example", Role.OPERATOR))
        self.viewer = self._client(self._member("edsger@engines.example", Role.VIEWER))
        stranger = operations.signup(
            ports, email="mallory@elsewhere.example", password=PASSWORD, organisation="Elsewhere"
        )
        self.stranger = self._client(stranger)
        self.nobody = Client(self.wsgi)

    def caller(self, client):
        """Who a client is to the operations."""
        return operations.authenticate(self.ports, client.token)

    def _member(self, email, role):
        def along(user):
            return [store.member_write(user, self.tenant_id, role, self.ports.clock.now())]

        return self.ports.identity.create_user(email, PASSWORD, along=along)

    def _client(self, user):
        return Client(self.wsgi, operations.issue(self.ports, user).access_token)
