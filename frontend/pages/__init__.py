"""Everything a browser sees. Importing `pages` is all that an application needs."""

from frontend.pages.account import account
from frontend.pages.audit import audit
from frontend.pages.batches import batches
from frontend.pages.browsing import browsing
from frontend.pages.costs import costs
from frontend.pages.dataset import dataset
from frontend.pages.generating import generating
from frontend.pages.invitation import invitation
from frontend.pages.job import job
from frontend.pages.limits import limits
from frontend.pages.members import members
from frontend.pages.notifications import notifications
from frontend.pages.order import order
from frontend.pages.organisation import organisation
from frontend.pages.profile import profile
from frontend.pages.recovery import recovery
from frontend.pages.seeds import seeds
from frontend.pages.static import static
from frontend.pages.structure import structure
from frontend.pages.submitting import submitting
from frontend.pages.template_writing import writing
from frontend.pages.templates import templates
from frontend.pages.webhook import webhook

BLUEPRINTS = (
    static,
    account,
    recovery,
    profile,
    notifications,
    webhook,
    members,
    invitation,
    organisation,
    structure,
    limits,
    audit,
    browsing,
    submitting,
    job,
    order,
    writing,
    templates,
    seeds,
    generating,
    dataset,
    costs,
    batches,
)
