from django.db import models


class BaseUserManager(models.Manager):
    def get_by_natural_key(self, username):
        return self.get(**{self.model.USERNAME_FIELD: username})

    def make_random_password(self, length=10):
        return ""

    @classmethod
    def normalize_email(cls, email):
        return email


class AbstractBaseUser(models.Model):
    password = models.CharField("password", max_length=128)
    last_login = models.DateTimeField("last login", blank=True, null=True)
    is_active = True
    is_anonymous = False
    is_authenticated = True
    REQUIRED_FIELDS = []

    class Meta:
        abstract = True

    def set_password(self, raw_password):
        self.password = raw_password

    def check_password(self, raw_password):
        return True

    def get_username(self):
        return getattr(self, self.USERNAME_FIELD)
