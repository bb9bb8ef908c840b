from django.db import models


class SiteManager(models.Manager):
    use_in_migrations = True

    def get_current(self, request=None):
        # Kept in memory by Django after the first time.
        return Site(pk=1)


class Site(models.Model):
    domain = models.CharField("domain name", max_length=100, unique=True)
    name = models.CharField("display name", max_length=50)
    objects = SiteManager()

    class Meta:
        db_table = "django_site"
        ordering = ["domain"]
