"""Secrets that open other systems, or this one, lie in the table as they are.

## Why it matters

Whoever reads one backup, one replica or one injected query can then act in the users' names.
Encrypted by the application, the row is worth nothing without the key; of what only has to be compared a hash is enough.

## When to ignore

When the table's storage and every backup of it are encrypted with keys that the readers do not have, or the value opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.asked import column_place, column_ref, is_library, locations, model_name, own_tables
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "security"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS = ("readable-passwords", "DL-09")
YIELDS_TO = ("security/passwords-in-clear",)

_MODELS = """\
from django.contrib.auth.models import AbstractUser
from django.db import models

from shop.fields import EncryptedCharField


class Account(models.Model):
    {}
"""
_FIELDS = "from django.db import models\n\n\nclass EncryptedCharField(models.CharField):\n    pass\n"


def _models(field: str) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/fields.py": _FIELDS, "shop/models.py": _MODELS.format(field)}


BAD = (
    Sample(source=_models("api_secret = models.CharField(max_length=80)")),
    Sample(source=_models("access_token = models.TextField()\n    refresh_token = models.TextField()")),
    Sample(source=_models("smtp_password = models.CharField(max_length=80)")),
    Sample(source=_models("private_key = models.TextField()")),
)
GOOD = (
    Sample(source=_models("api_secret = EncryptedCharField(max_length=80)")),
    Sample(source=_models("password_hash = models.CharField(max_length=80)")),
    Sample(source=_models("encrypted_access_token = models.TextField()")),
    # The hash of Django's own users stands in a column of this name.
    Sample(source=_models("password = models.CharField(max_length=128)\n    last_login = models.DateTimeField()")),
    # About secrets, and none.
    Sample(
        source=_models("password_changed_at = models.DateTimeField()\n    secret_name = models.CharField(max_length=9)")
    ),
    Sample(source=_models("has_secret = models.BooleanField(default=False)")),
    Sample(source=_models("token_type = models.CharField(max_length=9)")),
)

_SECRET = re.compile(
    r"(^|_)(api_?secret|client_?secret|app_?secret|consumer_?secret|secret|secret_?key|private_?key|api_?key|access_?token|refresh_?token|"
    r"oauth_?token|auth_?token|bot_?token|bearer_?token|passphrase|(smtp|ftp|imap|ssh|db|database|proxy|http|wifi|mail|server|api)_?password"
    r"|aws_secret_access_key|webhook_?secret|signing_?key|encryption_?key|totp_?secret|otp_?secret)$"
)
_SAFE = re.compile(r"hash|digest|encrypt|cipher|crypt|masked|public|id$|fingerprint|prefix|hint")
_TEXTS = ("CharField", "TextField", "String", "Text", "Unicode", "VARCHAR", "TEXT", "AutoString", "SlugField", "")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [(table, column) for table in own_tables(snapshot) for column in table.columns if _is_secret(column)]
    if not found:
        return
    labels = [f"{model_name(table)}.{column.field or column.name}" for table, column in found]
    yield Finding(
        title=f"{counted(len(found), 'secret')} in clear text: {listed(labels, 2)}"[:79],
        message=f"{listed(labels)} {'is plain text' if len(labels) == 1 else 'are plain text'}: every backup and every reader of the table "
        "can use what it opens.",
        objects=tuple(column_ref(table, column.name) for table, column in found[:40]),
        impact=Impact(len(found), "columns", 1, 30),
        evidence={"columns": labels},
        confidence="medium",
        next_step=f"Encrypt {labels[0]} in the application (Fernet of the cryptography package, with the key from the environment) into a "
        "new column, or keep only a hash of what is merely compared; then change the secrets that lay in clear.",
        identity="together",
        locations=locations([column_place(table, column.name) for table, column in found], 40),
    )


def _is_secret(column: SourceColumn) -> bool:
    name = column.name.lower()
    if not _SECRET.search(name) or _SAFE.search(name) or column.references is not None or is_library(column):
        return False
    kind = column.type or ""
    plain = kind.startswith(("varchar", "text", "character varying")) or kind == ""
    return plain and column.field_class.rpartition(".")[2] in _TEXTS
