# ruff: noqa: F401
from django.dbwright import get_user_model, unknown
from django.dbwright import request as _request


def authenticate(request=None, **credentials):
    user_model = get_user_model()
    return user_model._default_manager.get(**{user_model.USERNAME_FIELD: unknown("the user's name")})


def login(request, user, backend=None):
    user.save(update_fields=["last_login"])


def logout(request):
    return None


def get_user(request):
    return request.user


def update_session_auth_hash(request, user):
    return None
