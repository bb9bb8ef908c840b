from django.dbwright import called, option, show


class Feed:
    entry_points = ("__call__",)

    def __call__(self, request, *args, **kwargs):
        found = self.get_object(request, *args, **kwargs)
        self.get_feed(found, request)

    def get_object(self, request, *args, **kwargs):
        return None

    def items(self, obj=None):
        return []

    def item_title(self, item):
        return show(item)

    def item_description(self, item):
        return show(item)

    def item_link(self, item):
        return item.get_absolute_url()

    def get_feed(self, obj, request):
        for item in called(self.items, obj):
            self.item_title(item)
            self.item_description(item)
            self.item_link(item)
            called(option(self, "item_author_name"), item)
            called(option(self, "item_pubdate"), item)
            called(option(self, "item_updateddate"), item)
            called(option(self, "item_categories"), item)
            called(option(self, "item_guid"), item)
