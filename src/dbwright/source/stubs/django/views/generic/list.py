from django.core.paginator import Paginator
from django.dbwright import alternatives, model_of, queryset_of, template_of, unknown
from django.views.generic.base import ContextMixin, TemplateResponseMixin, View


class MultipleObjectMixin(ContextMixin):
    allow_empty = True
    queryset = None
    model = None
    paginate_by = None
    paginate_orphans = 0
    context_object_name = None
    paginator_class = Paginator
    page_kwarg = "page"
    ordering = None

    def get_queryset(self):
        if self.queryset is None:
            queryset = queryset_of(self.model)
        else:
            queryset = queryset_of(self.queryset)
        ordering = self.get_ordering()
        if isinstance(ordering, str):
            return queryset.order_by(ordering)
        if ordering:
            return queryset.order_by(*ordering)
        return queryset

    def get_ordering(self):
        return self.ordering

    def get_paginate_by(self, queryset):
        return self.paginate_by

    def get_paginator(self, queryset, per_page, orphans=0, allow_empty_first_page=True, **kwargs):
        return self.paginator_class(queryset, per_page)

    def get_allow_empty(self):
        return self.allow_empty

    def paginate_queryset(self, queryset, page_size):
        paginator = self.get_paginator(queryset, page_size)
        page = paginator.page(unknown("the page"))
        return (paginator, page, page.object_list, True)

    def get_context_object_name(self, object_list):
        return self.context_object_name

    def get_context_data(self, *, object_list=None, **kwargs):
        queryset = object_list if object_list is not None else self.object_list
        size = self.get_paginate_by(queryset)
        name = self.get_context_object_name(queryset)
        if size:
            paginator, page, queryset, is_paginated = self.paginate_queryset(queryset, size)
            context = {"paginator": paginator, "page_obj": page, "is_paginated": True, "object_list": queryset}
        else:
            context = {"paginator": None, "page_obj": None, "is_paginated": False, "object_list": queryset}
        if name is not None:
            context[name] = queryset
        model = model_of(queryset)
        if model is not None:
            context[model._meta.model_name + "_list"] = queryset
        context.update(kwargs)
        return super().get_context_data(**context)


class BaseListView(MultipleObjectMixin, View):
    def get(self, request, *args, **kwargs):
        self.object_list = self.get_queryset()
        if not self.get_allow_empty():
            self.object_list.exists()
        for found in alternatives(self.object_list):
            context = self.get_context_data(object_list=found)
            response = self.render_to_response(context)
        return response


class MultipleObjectTemplateResponseMixin(TemplateResponseMixin):
    template_name_suffix = "_list"

    def get_template_names(self):
        return template_of(self.template_name, self.object_list, self.template_name_suffix)


class ListView(MultipleObjectTemplateResponseMixin, BaseListView):
    pass
