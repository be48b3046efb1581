"""Fixtures of the tests of documents."""

from collections.abc import Callable
from pathlib import Path

import pytest

from identity.licence import BusinessLicence


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    def put(data: bytes) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.pdf"
        path.write_bytes(data)
        return path

    return put


@pytest.fixture
def licence() -> BusinessLicence:
    return BusinessLicence(
        v=1,
        uscc="91350100M000100Y43",
        name="远山喆建设工程股份有限公司",
        type="有限责任公司",
        legal_representative="欧阳㛃",
        registered_capital="5000万元人民币",
        established="2012-05-18",
        term="2012-05-18 至 长期",
        address="福建省福州市鼓楼区软件大道89号",
        scope="房屋建筑工程施工总承包；市政公用工程施工总承包。",
        authority="福州市市场监督管理局",
        status="存续",
        approved="2024-03-01",
    )
