from django.dbwright import unknown


class BasePermission:
    def has_permission(self, request, view):
        return unknown("whether the user may")

    def has_object_permission(self, request, view, obj):
        return unknown("whether the user may")


class AllowAny(BasePermission):
    pass


class IsAuthenticated(BasePermission):
    pass


class IsAdminUser(BasePermission):
    pass


class IsAuthenticatedOrReadOnly(BasePermission):
    pass


class DjangoModelPermissions(BasePermission):
    pass


class DjangoModelPermissionsOrAnonReadOnly(DjangoModelPermissions):
    pass


class DjangoObjectPermissions(DjangoModelPermissions):
    pass


SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
