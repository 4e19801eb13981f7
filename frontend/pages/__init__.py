"""Everything a browser sees. Importing `pages` is all that an application needs."""

from frontend.pages.account import account
from frontend.pages.browsing import browsing
from frontend.pages.job import job
from frontend.pages.order import order
from frontend.pages.static import static
from frontend.pages.submitting import submitting

BLUEPRINTS = (static, account, browsing, submitting, job, order)
