from django.db import models


class BaseAPIKeyManager(models.Manager):
    pass


class APIKeyManager(BaseAPIKeyManager):
    pass


class AbstractAPIKey(models.Model):
    objects = APIKeyManager()

    id = models.CharField(max_length=150, unique=True, primary_key=True, editable=False)
    prefix = models.CharField(max_length=8, unique=True, editable=False)
    hashed_key = models.CharField(max_length=150, editable=False)
    created = models.DateTimeField(auto_now_add=True, db_index=True)
    name = models.CharField(max_length=50, default=None)
    revoked = models.BooleanField(blank=True, default=False)
    expiry_date = models.DateTimeField(blank=True, null=True)

    class Meta:
        abstract = True
        ordering = ("-created",)
