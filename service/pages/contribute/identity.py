"""Signing in by OpenID Connect: the code flow with PKCE, state and nonce, by Authlib.

The issuer is asked only here, for five seconds at most. Who somebody is, is issuer and subject; a
subject that nobody gave a role has none.
"""

from __future__ import annotations

from typing import cast

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from flask import Blueprint, Flask, current_app, redirect, url_for
from joserfc.errors import JoseError
from requests import RequestException
from werkzeug.exceptions import Forbidden, NotFound, ServiceUnavailable
from werkzeug.wrappers import Response

from kg.text.i18n import gettext
from service.core.runtime import current
from service.core.settings import Provider
from service.http import login

identity = Blueprint("identity", __name__, url_prefix="/contribute/identity")
#: seconds that the issuer may take for an answer
PATIENCE = 5


def install(app: Flask, provider: Provider | None) -> None:
    """Tell an application of its identity provider, if it has one."""
    app.jinja_env.globals["has_identity_provider"] = provider is not None
    if provider is None:
        return
    oauth = OAuth(app)
    oauth.register(
        "provider",
        client_id=provider.client_id,
        client_secret=provider.client_secret,
        server_metadata_url=f"{provider.issuer}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid",
            "code_challenge_method": "S256",
            "default_timeout": PATIENCE,
            "trust_env": False,
        },
    )
    app.extensions["passerelle.identity"] = oauth


@identity.get("")
def leave() -> Response:
    """Send whoever wants to sign in to the identity provider."""
    client, here = _client(), url_for("identity.come_back", _external=True)
    public = current().settings.public_url
    if public:
        # The path that the public address and our own addresses both begin with.
        prefix = "/" + public.split("/", 3)[3] if public.count("/") > 2 else ""
        here = public + url_for("identity.come_back").removeprefix(prefix)
    try:
        answer: Response = client.authorize_redirect(here)
    except (RequestException, OAuthError, ValueError) as error:
        raise _away() from error
    return answer


@identity.get("/back")
def come_back() -> Response:
    """Sign in whom the identity provider vouches for; 403 for a subject without a role."""
    client, runtime = _client(), current()
    try:
        claims = client.authorize_access_token()["userinfo"]
    except RequestException as error:
        raise _away() from error
    except (OAuthError, JoseError, KeyError, ValueError) as error:
        login.failed("identity")
        raise Forbidden(
            gettext("The identity provider did not confirm who you are; sign in again.")
        ) from error
    provider = cast(Provider, runtime.settings.oidc)
    principal = runtime.accounts.sign_in(provider.issuer, claims, provider.rules)
    if principal is None:
        runtime.audit.note("no role", provider.issuer)
        raise Forbidden(
            gettext("You have no role here yet; ask whoever runs this service for one.")
        )
    login.begin(principal)
    return redirect(url_for("contribute.start"), 303)


def _client() -> FlaskOAuth2App:
    oauth = current_app.extensions.get("passerelle.identity")
    if oauth is None:
        raise NotFound
    return cast(FlaskOAuth2App, oauth.provider)


def _away() -> ServiceUnavailable:
    text = gettext("The identity provider does not answer; sign in by a token, or later.")
    return ServiceUnavailable(text, retry_after=30)
