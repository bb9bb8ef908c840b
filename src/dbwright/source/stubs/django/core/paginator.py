from django.dbwright import page_of, something


class Page:
    def __init__(self, object_list, number, paginator):
        self.object_list = object_list
        self.number = number
        self.paginator = paginator

    def __iter__(self):
        return self.object_list

    def __getitem__(self, index):
        return self.object_list[index]

    def has_next(self):
        return something()

    def has_previous(self):
        return something()

    def has_other_pages(self):
        return something()

    def next_page_number(self):
        return something()

    def previous_page_number(self):
        return something()

    def start_index(self):
        return something()

    def end_index(self):
        return something()


class Paginator:
    def __init__(self, object_list, per_page, orphans=0, allow_empty_first_page=True, error_messages=None):
        self.object_list = object_list
        self.per_page = per_page

    @property
    def count(self):
        return self.object_list.count()

    @property
    def num_pages(self):
        return self.count

    @property
    def page_range(self):
        return [self.count]

    def validate_number(self, number):
        self.count
        return number

    def get_page(self, number):
        return self.page(number)

    def page(self, number):
        number = self.validate_number(number)
        return self._get_page(page_of(self.object_list, self.per_page), number, self)

    def _get_page(self, *args, **kwargs):
        return Page(*args, **kwargs)

    def get_elided_page_range(self, number=1, on_each_side=3, on_ends=2):
        return [self.count]

    def __iter__(self):
        return [self.page(1)]


class AsyncPaginator(Paginator):
    async def acount(self):
        return self.count

    async def apage(self, number):
        return self.page(number)

    async def aget_page(self, number):
        return self.page(number)
