"""Accounts and public profiles."""

import hashlib
import hmac
import os

from hapiish import boom


def validate(artifacts, request, h):
    """Whose token it is: the credentials have the user's id, and the user."""
    user = request.models.User.objects(id=artifacts["decoded"]["payload"]["sub"]).first()
    return {"isValid": user is not None, "credentials": user and {"sub": str(user.id), "user": user}}


def register(request, h):
    given = dict(request.payload)
    user = request.models.User(password_hash=hashed(given.pop("password")), **given).save()
    return h.response(own(user, request)).code(201)


def login(request, h):
    user = request.models.User.objects(email=request.payload["email"]).first()
    if user is None or not is_password(request.payload["password"], user.password_hash):
        raise boom.BadData(data={"email or password": ["is invalid"]})
    return own(user, request)


def show(request, h):
    return own(caller(request), request)


def update(request, h):
    user, given = caller(request), dict(request.payload)
    if "password" in given:
        user.password_hash = hashed(given.pop("password"))
    for name, value in given.items():
        setattr(user, name, value)
    user.save()
    request.server.methods.profiles.load.cache.drop(str(user.id))
    return own(user, request)


def own(user, request):
    token = request.server.auth.sign({"sub": str(user.id)})
    return {"email": user.email, "token": token, **user.profile()}


def find(request, h):
    """Before the handler of a profile: `request.pre["user"]`."""
    return request.models.User.objects.get(username=request.params["username"])


def profile(request, h):
    user, me = request.pre["user"], caller(request)
    return {**user.profile(), "following": me is not None and user.id in me.following}


def follow(request, h):
    user, me = request.pre["user"], caller(request)
    if request.method == "post":
        me.update(add_to_set__following=user.id)
    else:
        me.update(pull__following=user.id)
    return {**user.profile(), "following": request.method == "post"}


def load_profile(user_id, *, models):
    """Server method: a profile by the user's id, remembered for some seconds."""
    return models.User.objects.get(id=user_id).profile()


def caller(request):
    """The user who calls, None where nobody has to log in and nobody has."""
    return request.auth.credentials and request.auth.credentials["user"]


def hashed(password):
    salt = os.urandom(16)
    return f"{salt.hex()}${hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()}"


def is_password(password, known):
    salt, _, digest = known.partition("$")
    made = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1)
    return hmac.compare_digest(made, bytes.fromhex(digest))
