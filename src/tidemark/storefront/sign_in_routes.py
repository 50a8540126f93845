"""Signing in and out: the form, and what becomes of it. A page each time, with the status that says what happened."""

from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request
from flask_wtf import FlaskForm
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response
from wtforms import EmailField, HiddenField, PasswordField
from wtforms.validators import InputRequired, Length

from tidemark.errors import BusyError, TooManyAttemptsError, UnreachableError
from tidemark.storefront import login
from tidemark.storefront.accounts import LONGEST
from tidemark.storefront.session_cookie import RETRY_AFTER

blueprint = Blueprint("sign_in", __name__)


class SignInForm(FlaskForm):
    """Email and password, and where to go then."""

    email = EmailField(
        "Email", [InputRequired("Your email is missing"), Length(max=254, message="Too long for an email")]
    )
    password = PasswordField("Password", [InputRequired("Your password is missing"), Length(max=LONGEST)])
    next = HiddenField()


@blueprint.get("/sign-in")
def page() -> Response:
    """The form; whoever is signed in goes on at once."""
    wanted = login.local_path(request.args.get("next"))
    if login.current_user.is_authenticated:
        return redirect(wanted, 303)
    return _page(SignInForm(formdata=None, next=wanted))


@blueprint.post("/sign-in")
def submit() -> Response:
    """Sign in, then go where the form says, if that is a path of this site."""
    form = SignInForm()
    if not form.validate():
        return _page(form, 422)
    try:
        person = login.sign_in(form.email.data, form.password.data)
    except TooManyAttemptsError as error:
        minutes = -(-error.retry_after // 60)
        why = f"Too many attempts. Try again in {minutes} minute{'s' if minutes > 1 else ''}."
        return _page(form, 429, why, error.retry_after)
    except BusyError:
        return _page(form, 503, "Many people are signing in just now. Try again in a few seconds.", RETRY_AFTER)
    except UnreachableError:
        return _page(form, 503, "Signing in does not work just now. Try again in a minute.", RETRY_AFTER)
    if person is None:
        return _page(form, 403, "This email and password do not belong together.")
    return redirect(login.local_path(form.next.data), 303)


@blueprint.post("/sign-out")
def leave() -> Response:
    """Sign out."""
    if login.current_session():
        try:
            login.sign_out()
        except UnreachableError:
            raise ServiceUnavailable("you are still signed in", retry_after=RETRY_AFTER) from None
    return redirect("/", 303)


def _page(form: SignInForm, status: int = 200, why: str = "", retry_after: int = 0) -> Response:
    # The password is never sent back: a PasswordField renders none.
    headers: dict[str, Any] = {"Retry-After": retry_after} if retry_after else {}
    return make_response(render_template("shop/sign_in.html", form=form, why=why), status, headers)
