"""One scratch server for all tests of migration safety."""

from collections.abc import Iterator

import pytest

from dbwright.safety.scratch import Scratch


@pytest.fixture(scope="session")
def scratch() -> Iterator[Scratch]:
    with Scratch.start() as started:
        yield started
