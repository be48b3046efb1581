"""What all tests share."""

from hypothesis import settings

settings.register_profile("project", deadline=None)  # a busy machine is slow, and no test may fail on that
settings.load_profile("project")


def pytest_make_parametrize_id(config: object, val: object, argname: str) -> str | None:  # noqa: ARG001
    """Name a case of bytes by its argument: many are made afresh in every process, and names must not differ."""
    return argname if isinstance(val, bytes) else None
