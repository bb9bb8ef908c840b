from django.dbwright import render, something, unknown
from django.dbwright import request as _request


class ContextMixin:
    extra_context = None

    def get_context_data(self, **kwargs):
        context = {"view": self}
        if self.extra_context is not None:
            context.update(self.extra_context)
        context.update(kwargs)
        return context


class View:
    entry_points = ("get", "post", "put", "patch", "delete")
    http_method_names = ["get", "post", "put", "patch", "delete", "head", "options", "trace"]

    @property
    def request(self):
        return _request()

    @property
    def kwargs(self):
        return unknown("the URL")

    @property
    def args(self):
        return unknown("the URL")

    def setup(self, request, *args, **kwargs):
        return None

    def dispatch(self, request, *args, **kwargs):
        return something()

    def http_method_not_allowed(self, request, *args, **kwargs):
        return something()

    def options(self, request, *args, **kwargs):
        return something()


class TemplateResponseMixin:
    template_name = None

    def get_template_names(self):
        return [self.template_name]

    def render_to_response(self, context, **response_kwargs):
        return render(self.get_template_names(), context, self.request)


class TemplateView(TemplateResponseMixin, ContextMixin, View):
    def get(self, request, *args, **kwargs):
        return self.render_to_response(self.get_context_data(**kwargs))


class RedirectView(View):
    def get_redirect_url(self, *args, **kwargs):
        return something()

    def get(self, request, *args, **kwargs):
        return self.get_redirect_url(*args, **kwargs)

    def post(self, request, *args, **kwargs):
        return self.get_redirect_url(*args, **kwargs)
