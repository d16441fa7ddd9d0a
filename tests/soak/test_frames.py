import pytest

from tests.soak.frames import soak

pytestmark = pytest.mark.anyio


async def test_no_frame_harms_the_server_or_another_client() -> None:
    assert await soak(300, seed=7) == []
