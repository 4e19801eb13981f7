"""Calls of the webhook, as CI systems and GitHub make them."""

import base64
import json
from itertools import count

from chalicelib import handlers
from chalicelib.accounts import operations as accounts
from chalicelib.accounts.model import Caller
from chalicelib.jobs import operations, places, store
from chalicelib.notifications.notices import NOTICES
from chalicelib.webhook import hooks
from chalicelib.webhook.signature import sign
from tests.far import CONTEXT, FarHome, created
from tests.people import ORIGIN, PASSWORD

REPOSITORY = "https://github.com/acme/app"


def encoded(job):
    return base64.b64encode(json.dumps(job).encode()).decode()


def payload(job, **fields):
    """The protocol's own fields."""
    return {"job_parameters_b64": encoded(job), **fields}


def signed(secret, body, *, event="", delivery=""):
    """Headers of a delivery of these bytes."""
    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": sign(secret, body)}
    if event:
        headers["X-GitHub-Event"] = event
    if delivery:
        headers["X-GitHub-Delivery"] = delivery
    return headers


def pull_request(action="opened", number=7, head="acme/app"):
    """What GitHub tells of one."""
    return {
        "action": action,
        "number": number,
        "pull_request": {
            "head": {"sha": "a" * 40, "repo": {"full_name": head}},
            "base": {"repo": {"full_name": "acme/app"}},
        },
        "repository": {"html_url": REPOSITORY, "full_name": "acme/app"},
        "sender": {"login": "octocat"},
    }


def push(**fields):
    return {
        "ref": "refs/heads/main",
        "after": "b" * 40,
        "repository": {"html_url": REPOSITORY},
        "sender": {"login": "octocat"},
        **fields,
    }


def in_api_gateway(body, headers, *, version=1, path="/api/webhook", encode=False):
    """The event that API Gateway makes of a request."""
    text = base64.b64encode(body).decode() if encode else body.decode()
    event = {"headers": headers, "body": text, "isBase64Encoded": encode}
    if version == 1:
        context = {"httpMethod": "POST", "requestId": "r1", "identity": {"sourceIp": "192.0.2.1"}}
        return {**event, "httpMethod": "POST", "path": path, "requestContext": context}
    http = {"method": "POST", "path": path, "sourceIp": "192.0.2.1"}
    lower = {name.lower(): value for name, value in headers.items()}
    return {
        **event,
        "version": "2.0",
        "headers": lower,
        "rawPath": path,
        "requestContext": {"http": http, "requestId": "r1"},
    }


def in_topic(*messages):
    """The event of notifications of SNS."""
    return {
        "Records": [
            {"EventSource": "aws:sns", "Sns": {"MessageId": f"m{number}", "Message": message}}
            for number, message in enumerate(messages, 1)
        ]
    }


class PostedHome(FarHome):
    """A home far away whose organisation has a webhook, and a token to comment with."""

    TOKEN = "ghp_3f9a5c"

    def __init__(self, ports, scratch):
        super().__init__(ports, scratch)
        self.me = self._founder()
        self.secret = hooks.rotate(ports, self.me, self.me.tenant_id)
        hooks.edit(ports, self.me, self.me.tenant_id, token=self.TOKEN)
        self._numbers = count(1)

    def _founder(self) -> Caller:
        ports = self.ports
        accounts.signup(ports, email="ada@acme.example", password=PASSWORD, organisation="Acme")
        tokens = accounts.login(ports, email="ada@acme.example", password=PASSWORD, origin=ORIGIN)
        return accounts.authenticate(ports, tokens.access_token)

    def deliver(self, data, *, event="repository_dispatch", delivery=""):
        """What GitHub posts comes through an API Gateway to the function; the answer of the protocol."""
        body = json.dumps(data).encode()
        headers = signed(self.secret, body, event=event, delivery=delivery or f"d-{next(self._numbers)}")
        path = f"/api/webhook/{self.me.tenant_id}"
        reply = handlers.process_webhook(self.ports, in_api_gateway(body, headers, path=path), CONTEXT)
        return json.loads(reply["body"])

    def post(self, job, *, delivery="", **fields):
        return self.deliver({"action": "run", "client_payload": payload(job, **fields)}, delivery=delivery)

    def set_up(self, job):
        """The job that GitHub's own events run."""
        hooks.edit(self.ports, self.me, self.me.tenant_id, job=job)

    def call_back(self, key):
        """S3 tells of an object."""
        handlers.on_callbacks(self.ports, created(key), CONTEXT)

    def complete(self, run_id, number, status="succeeded"):
        """What the worker of an order puts, and S3's event of it. Some seconds have passed."""
        self.ports.clock.tick(5)
        self.leave(run_id, number, json.dumps({"status": status, "log": "done"}).encode())
        self.call_back(places.result_key(run_id, number, 1))

    def take_notices(self):
        """What waits in the queue goes to its function; whether there was anything."""
        received = self.ports.queues.receive(NOTICES, limit=10)
        self.ports.queues.acknowledge(NOTICES, [each.receipt for each in received])
        if received:
            records = [{"body": json.dumps(dict(each.body))} for each in received]
            handlers.on_notices(self.ports, {"Records": records}, CONTEXT)
        return bool(received)

    def statuses(self, run_id):
        return [str(each.status) for each in operations.get_orders(self.ports, self.me, run_id)]

    def events(self, run_id, order_name=None):
        return operations.list_events(self.ports, self.me, run_id, order_name=order_name).items

    def lock(self, run_id):
        return self.ports.documents.get(store.lock_key(run_id))
