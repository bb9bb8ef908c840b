# ruff: noqa: F401
from graphene_django_optimizer.types import OptimizedDjangoObjectType
