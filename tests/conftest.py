"""What all tests share."""


def pytest_make_parametrize_id(config: object, val: object, argname: str) -> str | None:  # noqa: ARG001
    """Name a case of bytes by its argument: many are made afresh in every process, and names must not differ."""
    return argname if isinstance(val, bytes) else None
