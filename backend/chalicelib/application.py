"""The whole web application: every blueprint, joined."""

from collections.abc import Callable

from chalicelib.about import about
from chalicelib.accounts.api import accounts
from chalicelib.accounts.invitations.api import invitations
from chalicelib.accounts.members.api import members
from chalicelib.accounts.model import Caller
from chalicelib.accounts.profile.api import profile
from chalicelib.accounts.tenants.api import tenants
from chalicelib.audit.api import audit
from chalicelib.errors import MillraceError, NotSignedIn
from chalicelib.exchange import Answer, Request
from chalicelib.generation.api import generation
from chalicelib.generation.batches.api import batches
from chalicelib.generation.seeds.api import seeds
from chalicelib.generation.templates.api import templates
from chalicelib.jobs.api import jobs
from chalicelib.limits.api import limits
from chalicelib.notifications.api import notifications
from chalicelib.problems import problem_answer
from chalicelib.settings import read_settings
from chalicelib.web import Application
from chalicelib.webhook.api import webhook, webhook_settings
from chalicelib.wiring import Ports, connect
from frontend.door import PagesDoor
from frontend.pages import BLUEPRINTS


def connect_home() -> Ports:
    return connect(read_settings())


def create_app(connect_ports: Callable[[], Ports] = connect_home) -> Application:
    """Connects at the first request. Tests give ports of their own."""
    app = Application(connect_ports, outside=Outside())
    app.register_blueprint(accounts)
    app.register_blueprint(profile)
    app.register_blueprint(members)
    app.register_blueprint(invitations)
    app.register_blueprint(tenants)
    app.register_blueprint(audit)
    app.register_blueprint(limits)
    app.register_blueprint(notifications)
    app.register_blueprint(jobs)
    app.register_blueprint(webhook)
    app.register_blueprint(webhook_settings)
    app.register_blueprint(generation)
    app.register_blueprint(batches)
    app.register_blueprint(templates)
    app.register_blueprint(seeds)
    app.register_blueprint(about(app))
    for pages in BLUEPRINTS:
        app.register_blueprint(pages)
    return app


class Outside:
    """Answers for addresses without a route: as the API does under /api, else as the pages do."""

    pages = PagesDoor()

    def admit(self, _: Request) -> Caller:
        raise NotSignedIn("Sign in first.")

    def refuse(self, request: Request, error: MillraceError) -> Answer:
        if request.path.startswith("/api/"):
            return problem_answer(request, error)
        return self.pages.refuse(request, error)
