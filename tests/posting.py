"""Calls of the webhook, as CI systems and GitHub make them."""

import base64
import json

from chalicelib.webhook.signature import sign

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
