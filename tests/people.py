"""Personas, signed in: ada owns Engines, grace works with her, edsger may look, and mallory is from elsewhere."""

from chalicelib.accounts import operations
from chalicelib.accounts.members import operations as members
from chalicelib.accounts.model import Origin, Role
from tests.client import Client, gateway

PASSWORD = "correct horse battery"
ORIGIN = Origin("request-1", "192.0.2.1", "tests")


class People:
    """Each is a client of one application over these ports.

    With the `tokens` of People whose documents and keys were copied here, they are those.
    """

    def __init__(self, ports, tokens=None):
        self.ports = ports
        self.wsgi = gateway(ports)
        self.nobody = Client(self.wsgi)
        if tokens is None:
            self._found()
        else:
            for name, token in tokens.items():
                setattr(self, name, Client(self.wsgi, token))
        self.tenant_id = self.caller(self.owner).tenant_id

    @property
    def tokens(self):
        return {name: getattr(self, name).token for name in ("owner", "teammate", "viewer", "stranger")}

    def _found(self):
        ports = self.ports
        owner = operations.signup(ports, email="ada@engines.example", password=PASSWORD, organisation="Engines")
        self.owner = self._client(owner)
        self.teammate = self._client(self._member("grace@engines.example", Role.OPERATOR))
        self.viewer = self._client(self._member("edsger@engines.example", Role.VIEWER))
        stranger = operations.signup(
            ports, email="mallory@elsewhere.example", password=PASSWORD, organisation="Elsewhere"
        )
        self.stranger = self._client(stranger)

    def caller(self, client):
        """Who a client is to the operations."""
        return operations.authenticate(self.ports, client.token)

    def _member(self, email, role):
        user = self.ports.identity.create_user(email, PASSWORD)
        owner = self.caller(self.owner)
        members.add(self.ports, owner, owner.tenant_id, email=email, role=role)
        return user

    def _client(self, user):
        tokens = operations.login(self.ports, email=user.email, password=PASSWORD, origin=ORIGIN)
        return Client(self.wsgi, tokens.access_token)
