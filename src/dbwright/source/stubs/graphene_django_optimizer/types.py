from graphene_django import DjangoObjectType


class OptimizedDjangoObjectType(DjangoObjectType):
    pass
