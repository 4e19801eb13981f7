"""Personas, signed in: ada owns Engines, grace works with her, edsger may look, and mallory is from elsewhere."""

from chalicelib.accounts import operations
from chalicelib.accounts.members import operations as members
from chalicelib.accounts.model import Origin, Role
from tests.client import Client, gateway

PASSWORD = "correct horse battery"
ORIGIN = Origin("request-1", "192.0.2.1", "tests")


class People:
    """Each is a client of one application over these ports."""

    def __init__(self, ports):
        self.ports = ports
        self.wsgi = gateway(ports)
        owner = operations.signup(ports, email="ada@engines.example", password=PASSWORD, organisation="Engines")
        self.owner = self._client(owner)
        self.tenant_id = self.caller(self.owner).tenant_id
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
        user = self.ports.identity.create_user(email, PASSWORD)
        members.add(self.ports, self.caller(self.owner), self.tenant_id, email=email, role=role)
        return user

    def _client(self, user):
        tokens = operations.login(self.ports, email=user.email, password=PASSWORD, origin=ORIGIN)
        return Client(self.wsgi, tokens.access_token)
