"""Who are you: the landing page, signing up, in and out."""

from chalicelib.accounts import operations as accounts
from chalicelib.accounts import sessions
from chalicelib.accounts.permissions import TenantAsleep
from chalicelib.errors import Conflict, Invalid, TooMany
from chalicelib.exchange import Answer, redirect
from chalicelib.identity import EmailTaken, WrongPassword
from frontend import session
from frontend.door import PagesDoor
from frontend.visit import Pages, Visit

account = Pages(__name__, PagesDoor())

FIELDS = (
    ("email", "E-mail address", "email", "username", ""),
    ("password", "Password", "password", "new-password", "At least 10 characters."),
    ("organisation", "Organisation", "text", "organization", "Yours, or your team's: whose jobs these will be."),
)


@account.page("/", public=True)
def landing(visit: Visit) -> Answer:
    return visit.go_to("/jobs") if visit.request.admitted else visit.page("landing.html")


@account.page("/signup", public=True)
def signup_form(visit: Visit) -> Answer:
    return _signup_page(visit, {})


@account.page("/signup", methods=("POST",), public=True)
def signup(visit: Visit) -> Answer:
    values = {name: visit.form.text(name) for name, *_ in FIELDS}
    try:
        user = accounts.signup(
            visit.ports,
            email=values["email"],
            password=values["password"],
            organisation=values["organisation"],
            origin=visit.request.origin,
        )
    except Invalid as error:
        return _signup_page(visit, values, {fault.place: f"It {fault.message}." for fault in error.faults})
    except EmailTaken:
        return _signup_page(visit, values, {"email": "There is an account with this address. Sign in instead."})
    except Conflict as error:
        return _signup_page(visit, values, {"organisation": error.detail})
    return sign_in(visit, accounts.open_pages(visit.ports, user, visit.request.origin))


def _signup_page(visit: Visit, values: dict[str, str], faults: dict[str, str] | None = None) -> Answer:
    kept = {name: "" if type_ == "password" else values.get(name, "") for name, _, type_, *_ in FIELDS}
    return visit.page(
        "signup.html",
        status=400 if faults else 200,
        fields=FIELDS,
        values=kept,
        faults=faults or {},
        fault="The sign-up was not accepted yet: see the fields below." if faults else "",
        next=_next(visit),
    )


@account.page("/login", public=True)
def login_form(visit: Visit) -> Answer:
    return visit.go_to("/jobs") if visit.request.admitted else _login_page(visit, "")


@account.page("/login", methods=("POST",), public=True)
def login(visit: Visit) -> Answer:
    email, password = visit.form.text("email"), visit.form.text("password")
    try:
        cookie = accounts.login_pages(visit.ports, email=email, password=password, origin=visit.request.origin)
    except WrongPassword:
        return _login_page(visit, email, "Address or password is wrong.", status=401)
    except (TooMany, TenantAsleep) as error:
        return _login_page(visit, email, error.detail, status=error.status)
    return sign_in(visit, cookie)


def _login_page(visit: Visit, email: str, fault: str = "", status: int = 200) -> Answer:
    return visit.page("login.html", status=status, email=email, fault=fault, next=_next(visit))


def _next(visit: Visit) -> str:
    return session.local_path(visit.request.first("next"))


def sign_in(visit: Visit, cookie: str, *, did: str = "") -> Answer:
    """To the page that was asked for, with the cookie of a new session."""
    answer = visit.go_to("/jobs", did=did) if did else redirect(visit.request.base + (_next(visit) or "/jobs"))
    answer.headers["Set-Cookie"] = session.set_cookie(visit.request, session.SESSION_COOKIE, cookie)
    return answer


@account.page("/logout", methods=("POST",), public=True)
def logout(visit: Visit) -> Answer:
    sessions.end_of_cookie(visit.ports, session.cookie_of(visit.request, session.SESSION_COOKIE))
    answer = visit.go_to("/login", did="signed-out")
    answer.headers["Set-Cookie"] = session.set_cookie(visit.request, session.SESSION_COOKIE, "")
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer
