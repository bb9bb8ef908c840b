from django.dbwright import model_of, option, queryset_of, template_of, unknown
from django.views.generic.base import ContextMixin, TemplateResponseMixin, View


class SingleObjectMixin(ContextMixin):
    model = None
    queryset = None
    slug_field = "slug"
    context_object_name = None
    slug_url_kwarg = "slug"
    pk_url_kwarg = "pk"

    def get_queryset(self):
        if self.queryset is None:
            return queryset_of(self.model)
        return queryset_of(self.queryset)

    def get_object(self, queryset=None):
        if queryset is None:
            queryset = self.get_queryset()
        if option(type(self), "slug_field", "slug") != "slug":
            return queryset.filter(**{self.get_slug_field(): unknown("the URL")}).get()
        return queryset.filter(pk=unknown("the URL")).get()

    def get_slug_field(self):
        return self.slug_field

    def get_context_object_name(self, obj):
        return self.context_object_name

    def get_context_data(self, **kwargs):
        context = {"object": self.object}
        name = self.get_context_object_name(self.object)
        if name is not None:
            context[name] = self.object
        model = model_of(self.object)
        if model is not None:
            context[model._meta.model_name] = self.object
        context.update(kwargs)
        return super().get_context_data(**context)


class BaseDetailView(SingleObjectMixin, View):
    def get(self, request, *args, **kwargs):
        self.object = self.get_object()
        context = self.get_context_data(object=self.object)
        return self.render_to_response(context)


class SingleObjectTemplateResponseMixin(TemplateResponseMixin):
    template_name_suffix = "_detail"

    def get_template_names(self):
        return template_of(self.template_name, self.object or self.model, self.template_name_suffix)


class DetailView(SingleObjectTemplateResponseMixin, BaseDetailView):
    pass
