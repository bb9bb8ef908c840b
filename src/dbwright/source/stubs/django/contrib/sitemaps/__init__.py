from django.dbwright import called, option, queryset_of, show, something


class Sitemap:
    entry_points = ("get_urls",)
    limit = 50000
    protocol = None

    def items(self):
        return []

    def location(self, item):
        return item.get_absolute_url()

    def get_urls(self, page=1, site=None, protocol=None):
        found = self.items()
        if queryset_of(found) is not None:
            found.count()
        for item in found[: self.limit]:
            self.location(item)
            called(option(self, "lastmod"), item)
            called(option(self, "priority"), item)
            called(option(self, "changefreq"), item)


class GenericSitemap(Sitemap):
    def __init__(self, info_dict, priority=None, changefreq=None, protocol=None):
        self.queryset = info_dict["queryset"]

    def items(self):
        return self.queryset.filter()
