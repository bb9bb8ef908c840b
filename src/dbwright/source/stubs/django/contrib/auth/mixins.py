from django.dbwright import something, unknown


class AccessMixin:
    def handle_no_permission(self):
        return something()

    def get_permission_required(self):
        return ()


class LoginRequiredMixin(AccessMixin):
    def dispatch(self, request, *args, **kwargs):
        return super().dispatch(request, *args, **kwargs)


class PermissionRequiredMixin(AccessMixin):
    def has_permission(self):
        return unknown("whether the user may")

    def dispatch(self, request, *args, **kwargs):
        return super().dispatch(request, *args, **kwargs)


class UserPassesTestMixin(AccessMixin):
    def test_func(self):
        return True

    def get_test_func(self):
        return self.test_func

    def dispatch(self, request, *args, **kwargs):
        self.get_test_func()()
        return super().dispatch(request, *args, **kwargs)
