from django.dbwright import model_of, option

from django_filters.filterset import filterset_factory


class DjangoFilterBackend:
    def get_filterset_class(self, view, queryset=None):
        chosen = option(view, "filterset_class")
        if chosen is None:
            chosen = option(view, "filter_class")
        if chosen is not None:
            return chosen
        fields = option(view, "filterset_fields")
        if fields is None:
            fields = option(view, "filter_fields")
        if fields is None:
            return None
        return filterset_factory(model_of(queryset), fields=fields)

    def get_filterset_kwargs(self, request, queryset, view):
        return {"data": request.query_params, "queryset": queryset, "request": request}

    def filter_queryset(self, request, queryset, view):
        chosen = self.get_filterset_class(view, queryset)
        if chosen is None:
            return queryset
        return chosen(**self.get_filterset_kwargs(request, queryset, view)).qs
