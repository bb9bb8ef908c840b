# ruff: noqa: F401
from graphene_django.types import DjangoObjectType
