from django.dbwright import model_of, unknown
from django.views.generic.base import View
from django.views.generic.list import MultipleObjectMixin, MultipleObjectTemplateResponseMixin

from django_filters.filterset import filterset_factory


class FilterMixin:
    filterset_class = None
    filterset_fields = ()

    def get_filterset_class(self):
        if self.filterset_class:
            return self.filterset_class
        return filterset_factory(model_of(self.get_queryset()), fields=self.filterset_fields)

    def get_filterset(self, filterset_class):
        return filterset_class(**self.get_filterset_kwargs(filterset_class))

    def get_filterset_kwargs(self, filterset_class):
        return {"data": unknown("the filters"), "request": self.request, "queryset": self.get_queryset()}


class BaseFilterView(FilterMixin, MultipleObjectMixin, View):
    def get(self, request, *args, **kwargs):
        self.filterset = self.get_filterset(self.get_filterset_class())
        self.object_list = self.filterset.qs
        context = self.get_context_data(filter=self.filterset, object_list=self.object_list)
        return self.render_to_response(context)


class FilterView(MultipleObjectTemplateResponseMixin, BaseFilterView):
    template_name_suffix = "_filter"
