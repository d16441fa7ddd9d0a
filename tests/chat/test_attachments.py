"""Attachments: uploads of any size, the users who may read them, and the removal of unused files."""

import asyncio
import struct
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from bson import ObjectId

from handlers import erasure
from hapiish import Application
from hapiish.testing import Injected, inject
from models.attachment import AGAIN, GRACE, Attachment, AttachmentChunk
from models.conversation import Conversation
from models.membership import Membership
from models.wire import now
from tests.chat.callers import PATIENCE, Caller, Join, password_of, serving

pytestmark = pytest.mark.anyio

BIG = bytes(range(256)) * 4096 + b"end"  # five chunks


def png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(header))


async def upload(caller: Caller, content: bytes, media_type: str = "text/plain", query: str = "") -> Injected:
    headers = {"authorization": f"Bearer {caller.token}", "content-type": media_type}
    return await inject(caller.app, method="POST", url=f"/attachments{query}", headers=headers, payload=content)


async def fetch(caller: Caller, attachment: str, method: str = "GET", **headers: str) -> Injected:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {"authorization": f"Bearer {caller.token}", **named}
    return await inject(caller.app, method=method, url=f"/attachments/{attachment}", headers=given)


async def uploaded(caller: Caller, content: bytes = b"hello", media_type: str = "text/plain") -> str:
    answer = await upload(caller, content, media_type)
    assert answer.status_code == 201, answer.json
    return str(answer.json["id"])


async def due(attachment: str) -> None:
    """Makes the sweeper check a file now."""
    await _past(id=attachment)


async def a_day_later() -> None:
    """Makes the sweeper check the files that are due within the next day."""
    await _past(metadata__check_at__lte=now() + GRACE)


async def _past(**which: Any) -> None:
    files = Attachment.objects(**which)
    await asyncio.to_thread(lambda: files.update(set__metadata__check_at=now() - timedelta(seconds=1)))


async def sweep(app: Application) -> int:
    return await asyncio.to_thread(Attachment.sweep, app.server.models)


async def kept(attachment: str) -> tuple[int, int]:
    """The numbers of stored rows and chunks of a file."""
    return await asyncio.to_thread(
        lambda: (Attachment.objects(id=attachment).count(), AttachmentChunk.objects(files_id=attachment).count())
    )


class TestUploads:
    async def test_a_body_is_stored_and_read_as_it_is(self, join: Join) -> None:
        ann = await join("ann")
        answer = await upload(ann, BIG, "application/x-thing", "?name=thing.bin")
        assert answer.status_code == 201
        expected = {"id": answer.json["id"], "name": "thing.bin", "type": "application/x-thing", "size": len(BIG)}
        assert answer.json == expected
        read = await fetch(ann, answer.json["id"])
        assert (read.status_code, read.payload) == (200, BIG)
        assert read.headers["content-type"] == "application/x-thing"
        assert await kept(answer.json["id"]) == (1, 5)

    async def test_the_part_of_a_form_is_stored_with_its_name_and_type(self, join: Join) -> None:
        ann = await join("ann")
        part = b'content-disposition: form-data; name="file"; filename="a.png"\r\ncontent-type: image/png\r\n\r\n'
        body = b"--x\r\n" + part + png(3, 2) + b"\r\n--x--\r\n"
        answer = await upload(ann, body, "multipart/form-data; boundary=x")
        assert (answer.status_code, answer.json["name"], answer.json["type"]) == (201, "a.png", "image/png")
        assert (await fetch(ann, answer.json["id"])).payload == png(3, 2)

    @pytest.mark.parametrize("field", ['name="other"; filename="a"', 'name="file"'])
    async def test_a_form_without_a_file_is_refused(self, join: Join, field: str) -> None:
        body = f"--x\r\ncontent-disposition: form-data; {field}\r\n\r\nhi\r\n--x--\r\n".encode()
        assert (await upload(await join("ann"), body, "multipart/form-data; boundary=x")).status_code == 400

    @pytest.mark.parametrize(
        ("declared", "query", "content", "stored"),
        [
            ("image/jpg", "", b"\xff\xd8\xff\xe0", "image/jpeg"),
            ("application/octet-stream", "", b"%PDF-1.7", "application/pdf"),
            ("application/octet-stream", "", b"anything", "application/octet-stream"),
            ("Text/HTML; charset=utf-8", "", b"<p>", "text/html"),
            ("application/json", "?type=audio/mp3", b"ID3\x03", "audio/mpeg"),
            ("image/svg+xml", "", b"<svg/>", "image/svg+xml"),
        ],
    )
    async def test_a_file_has_the_declared_type_if_its_content_has_it(
        self, join: Join, declared: str, query: str, content: bytes, stored: str
    ) -> None:
        answer = await upload(await join("ann"), content, declared, query)
        assert (answer.status_code, answer.json["type"]) == (201, stored)

    @pytest.mark.parametrize("media_type", ["image/png", "video/mp4", "font/woff2", "multipart/mixed"])
    async def test_a_wrong_content_and_a_refused_type_store_nothing(self, join: Join, media_type: str) -> None:
        answer = await upload(await join("ann"), b"<script>alert(1)</script>", "text/plain", f"?type={media_type}")
        assert (answer.status_code, answer.json["code"]) == (415, "unsupported_type")
        assert await asyncio.to_thread(lambda: (Attachment.objects.count(), AttachmentChunk.objects.count())) == (0, 0)

    async def test_an_image_has_its_size(self, join: Join) -> None:
        answer = await upload(await join("ann"), png(640, 480), "image/png")
        assert (answer.json["width"], answer.json["height"]) == (640, 480)

    async def test_an_empty_file_is_refused(self, join: Join) -> None:
        answer = await upload(await join("ann"), b"")
        assert (answer.status_code, answer.json["code"]) == (422, "invalid")
        assert await asyncio.to_thread(Attachment.objects.count) == 0

    @pytest.mark.in_process
    async def test_a_file_over_the_size_of_the_table_is_refused_before_it_is_read(self, join: Join) -> None:
        ann = await join("ann")
        headers = {"authorization": f"Bearer {ann.token}", "content-type": "text/plain", "content-length": "200000000"}
        answer = await inject(ann.app, method="POST", url="/attachments", headers=headers, payload=b"x")
        assert answer.status_code == 413

    async def test_a_hostile_name_becomes_one_that_can_be_saved(self, join: Join) -> None:
        ann = await join("ann")
        name = '../..\\C:\\\u202egnp.exe\r\nset-cookie: x\0"'
        answer = await upload(ann, b"hi", query=f"?name={quote(name)}")
        assert answer.json["name"] == "gnp.exe set-cookie_ x_"
        shown = (await fetch(ann, answer.json["id"])).headers
        assert str(shown["content-disposition"]).startswith("attachment; filename=gnp.exe%20set-cookie_%20x_")
        assert "set-cookie" not in shown

    async def test_an_upload_that_breaks_off_stores_nothing(self, app: Application, join: Join) -> None:
        ann = await join("ann")
        async with serving(app) as url:
            address = urlsplit(url)
            _, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(
                f"POST /attachments HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ann.token}\r\n"
                f"content-type: text/plain\r\ncontent-length: {2 * len(BIG)}\r\n\r\n".encode()
                + BIG
            )
            await writer.drain()
            await _until(lambda: AttachmentChunk.objects.count() > 0)
            writer.close()
            await _until(lambda: AttachmentChunk.objects.count() + Attachment.objects.count() == 0)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.01)


class TestReading:
    @pytest.mark.parametrize(
        ("asked", "start", "stop"),
        [("bytes=0-0", 0, 1), ("bytes=524280-524300", 524280, 524301), ("bytes=1048570-", 1048570, len(BIG))],
    )
    async def test_a_range_is_answered_from_any_chunk(self, join: Join, asked: str, start: int, stop: int) -> None:
        ann = await join("ann")
        attachment = await uploaded(ann, BIG)
        answer = await fetch(ann, attachment, range=asked, if_range=f'"{attachment}"')
        assert (answer.status_code, answer.payload) == (206, BIG[start:stop])
        assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(BIG)}"

    async def test_an_impossible_range_is_refused_or_returns_the_whole_file(self, join: Join) -> None:
        ann = await join("ann")
        attachment = await uploaded(ann)
        assert (await fetch(ann, attachment, range="bytes=5-")).status_code == 416
        assert (await fetch(ann, attachment, range="bytes=0-1", if_range='"older"')).payload == b"hello"

    async def test_clients_keep_a_file_for_ever(self, join: Join) -> None:
        ann = await join("ann")
        attachment = await uploaded(ann)
        head = await fetch(ann, attachment, method="HEAD")
        assert (head.status_code, head.payload, head.headers["content-length"]) == (200, b"", "5")
        assert head.headers["cache-control"] == "private, max-age=31536000, immutable"
        again = await fetch(ann, attachment, if_none_match=str(head.headers["etag"]))
        assert (again.status_code, again.payload) == (304, b"")

    @pytest.mark.parametrize(
        ("content", "media_type", "mode"),
        [
            (png(1, 1), "image/png", "inline"),
            (b"<svg onload='alert(1)'/>", "image/svg+xml", "attachment"),
            (b"<script>alert(1)</script>", "text/html", "attachment"),
            (b"%PDF-1.7", "application/pdf", "attachment"),
        ],
    )
    async def test_a_browser_shows_only_images(self, join: Join, content: bytes, media_type: str, mode: str) -> None:
        ann = await join("ann")
        headers = (await fetch(ann, await uploaded(ann, content, media_type))).headers
        assert str(headers["content-disposition"]).partition(";")[0] == mode
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]


class TestAccess:
    async def test_only_the_owner_reads_a_file_before_it_is_sent(self, join: Join) -> None:
        ann, bob, eve = [await join(name) for name in ("ann", "bob", "eve")]
        attachment, conversation = await uploaded(ann), await ann.open(bob)
        assert [(await fetch(each, attachment)).status_code for each in (ann, bob, eve)] == [200, 404, 404]
        sent = await ann.say(conversation, "", attachments=[attachment])
        assert sent.json["attachments"] == [{"id": attachment, "name": "file", "type": "text/plain", "size": 5}]
        assert [(await fetch(each, attachment)).status_code for each in (ann, bob, eve)] == [200, 200, 404]

    @pytest.mark.parametrize(("scope", "statuses"), [("all", [200, 404, 404]), ("me", [200, 200, 200])])
    async def test_only_the_owner_reads_a_file_of_a_deleted_message(
        self, join: Join, scope: str, statuses: list[int]
    ) -> None:
        ann, bob, cat = [await join(name) for name in ("ann", "bob", "cat")]
        attachment, group = await uploaded(ann), await ann.gather("Team", bob, cat)
        seq = (await ann.say(group, "look", attachments=[attachment])).json["seq"]
        assert (await ann.call("DELETE", f"/messages/{group}/{seq}?scope={scope}")).status_code in (200, 204)
        assert [(await fetch(each, attachment)).status_code for each in (ann, bob, cat)] == statuses

    async def test_a_member_who_has_deleted_a_message_for_themselves_cannot_read_its_file(self, join: Join) -> None:
        ann, bob, cat = [await join(name) for name in ("ann", "bob", "cat")]
        attachment, group = await uploaded(ann), await ann.gather("Team", bob, cat)
        seq = (await ann.say(group, "look", attachments=[attachment])).json["seq"]
        assert (await bob.call("DELETE", f"/messages/{group}/{seq}?scope=me")).status_code == 204
        assert [(await fetch(each, attachment)).status_code for each in (ann, bob, cat)] == [200, 404, 200]

    async def test_later_and_former_members_cannot_read_a_file(self, join: Join) -> None:
        ann, late, former = [await join(name) for name in ("ann", "lea", "fay")]
        attachment, group = await uploaded(ann), await ann.gather("Team", late, former)
        seq = (await ann.say(group, "look", attachments=[attachment])).json["seq"]

        def change() -> None:
            Membership.objects(conversation_id=group, user_id=late.id).update(set__joined_seq=seq)
            Membership.objects(conversation_id=group, user_id=former.id).update(set__left_at=now())
            Conversation.objects(id=group).update(pull__members=former.id)

        assert [(await fetch(each, attachment)).status_code for each in (late, former)] == [200, 200]
        await asyncio.to_thread(change)
        assert [(await fetch(each, attachment)).status_code for each in (late, former)] == [404, 404]

    async def test_every_user_reads_an_avatar(self, join: Join) -> None:
        ann, eve = await join("ann"), await join("eve")
        image, text = await uploaded(ann, png(1, 1), "image/png"), await uploaded(ann)

        def use(attachment: str, owner: Caller) -> bool:
            return Attachment.as_avatar(attachment, owner.id, None)

        assert [await asyncio.to_thread(use, *case) for case in ((image, ann), (text, ann), (image, eve))] == [
            *(True, False, False)
        ]
        assert [(await fetch(eve, each)).status_code for each in (image, text)] == [200, 404]

    async def test_only_complete_files_of_the_sender_are_attached(self, join: Join) -> None:
        ann, bob = await join("ann"), await join("bob")
        conversation, mine, his = await ann.open(bob), await uploaded(ann), await uploaded(bob)
        begun = str(ObjectId())
        await asyncio.to_thread(Attachment.begin, begun, ann.id, "x", 1, 2**30)
        for wrong in (his, begun, str(ObjectId())):
            with pytest.raises(Exception, match="file of yours"):
                await asyncio.to_thread(Attachment.attach, [mine, wrong], ann.id, conversation)
        assert await asyncio.to_thread(Attachment.attach, [], ann.id, conversation) == []

    @pytest.mark.parametrize("attachment", ["65a065a065a065a065a065a0", "x"])
    async def test_an_unknown_file_is_not_found(self, join: Join, attachment: str) -> None:
        assert (await fetch(await join("ann"), attachment)).status_code == (404 if len(attachment) == 24 else 400)


@pytest.mark.in_process
class TestSweeping:
    async def test_a_file_that_no_message_names_is_removed_after_its_time(self, app: Application, join: Join) -> None:
        ann, bob = await join("ann"), await join("bob")
        new, old, sent = [await uploaded(ann) for _ in range(3)]
        await asyncio.to_thread(Attachment.attach, [sent], ann.id, await ann.open(bob))
        await due(old)
        await due(sent)
        assert await sweep(app) == 2
        assert [await kept(each) for each in (new, old, sent)] == [(1, 1), (0, 0), (0, 0)]
        assert (await fetch(ann, old)).status_code == 404

    async def test_an_upload_that_was_broken_off_is_removed_after_its_time(self, app: Application, join: Join) -> None:
        ann, begun = await join("ann"), str(ObjectId())
        await asyncio.to_thread(Attachment.begin, begun, ann.id, "x", 1, 2**30)
        await asyncio.to_thread(Attachment.write, begun, 0, b"x")
        assert (await sweep(app), await kept(begun)) == (0, (1, 1))
        await due(begun)
        assert (await sweep(app), await kept(begun)) == (1, (0, 0))
        assert await asyncio.to_thread(Attachment.finish, begun, "text/plain", 1, None) is None

    async def test_sending_a_file_postpones_its_removal(self, app: Application, join: Join) -> None:
        ann, bob = await join("ann"), await join("bob")
        attachment, conversation = await uploaded(ann), await ann.open(bob)
        await due(attachment)
        await asyncio.to_thread(Attachment.attach, [attachment], ann.id, conversation)
        assert (await sweep(app), await kept(attachment)) == (0, (1, 1))

    async def test_a_file_stays_while_a_message_has_it(self, app: Application, join: Join) -> None:
        ann, bob = await join("ann"), await join("bob")
        attachment, conversation = await uploaded(ann), await ann.open(bob)
        seq = (await ann.say(conversation, "look", attachments=[attachment])).json["seq"]
        await due(attachment)
        assert (await sweep(app), await kept(attachment)) == (0, (1, 1))
        assert (await ann.call("DELETE", f"/messages/{conversation}/{seq}?scope=all")).status_code == 200
        assert (await sweep(app), await kept(attachment)) == (1, (0, 0))

    async def test_an_avatar_stays_while_its_owner_has_it(self, app: Application, join: Join) -> None:
        ann = await join("ann")
        avatars: list[str] = []
        for state in ([1], [0, 1], [0, 0, 1]):
            avatars.append(await uploaded(ann, png(1, 1), "image/png"))
            assert (await ann.call("PATCH", "/me", {"avatar": avatars[-1]})).status_code == 200
            for each in avatars:
                await due(each)
            await sweep(app)
            assert [(await kept(each))[0] for each in avatars] == state
        assert (await ann.call("PATCH", "/me", {"avatar": None})).status_code == 200
        await due(avatars[-1])
        assert (await sweep(app), await kept(avatars[-1])) == (1, (0, 0))

    async def test_a_group_avatar_that_another_admin_replaces_is_removed(self, app: Application, join: Join) -> None:
        ann, bob, cat = await join("ann"), await join("bob"), await join("cat")
        group = await ann.gather("Team", bob)
        await ann.call("PUT", f"/conversations/{group}/members/{bob.id}", {"role": "admin"})
        first, second = [await uploaded(each, png(1, 1), "image/png") for each in (ann, bob)]
        assert (await ann.call("PATCH", f"/conversations/{group}", {"avatar": first})).status_code == 200
        await due(first)
        assert (await sweep(app), (await fetch(cat, first)).status_code) == (0, 200)
        assert (await bob.call("PATCH", f"/conversations/{group}", {"avatar": second})).status_code == 200
        await a_day_later()
        assert (await sweep(app), (await fetch(cat, first)).status_code) == (1, 404)
        assert (await fetch(cat, second)).status_code == 200
        await due(second)
        assert await sweep(app) == 0
        assert (await ann.call("DELETE", f"/conversations/{group}")).status_code == 204
        await a_day_later()
        assert (await sweep(app), (await fetch(cat, second)).status_code) == (1, 404)

    async def test_an_image_stays_while_it_is_the_avatar_of_a_user_or_of_any_group(
        self, app: Application, join: Join
    ) -> None:
        ann, bob = await join("ann"), await join("bob")
        image, *groups = await uploaded(ann, png(1, 1), "image/png"), *[await ann.gather("Team", bob) for _ in range(2)]
        shown = ["/me", *(f"/conversations/{group}" for group in groups)]
        for url in shown:
            assert (await ann.call("PATCH", url, {"avatar": image})).status_code == 200
        for url in shown[::-1]:
            await a_day_later()
            assert (await sweep(app), (await fetch(bob, image)).status_code) == (0, 200)
            assert (await ann.call("PATCH", url, {"avatar": None})).status_code == 200
        await a_day_later()
        assert (await sweep(app), (await fetch(bob, image)).status_code) == (1, 404)

    @pytest.mark.parametrize("is_sent", [False, True])
    async def test_only_users_who_were_sent_the_avatar_of_an_erased_account_can_read_it(
        self, app: Application, join: Join, is_sent: bool
    ) -> None:
        ann, bob, cat = await join("ann"), await join("bob"), await join("cat")
        avatar, place = await uploaded(ann, png(1, 1), "image/png"), await ann.open(bob)
        await ann.call("PATCH", "/me", {"avatar": avatar})
        if is_sent:
            await ann.say(place, "me", attachments=[avatar])
        await due(avatar)
        assert (await sweep(app), (await fetch(cat, avatar)).status_code) == (0, 200)
        assert (await ann.call("DELETE", "/me", {"password": password_of(ann.name)})).status_code == 204
        await asyncio.to_thread(erasure.remove_rest, app.server)
        assert await sweep(app) == (0 if is_sent else 1)
        assert [(await fetch(each, avatar)).status_code for each in (bob, cat)] == [200 if is_sent else 404, 404]

    async def test_all_files_of_a_user_are_removed(self, app: Application, join: Join) -> None:
        ann = await join("ann")
        attachment = await uploaded(ann)
        await asyncio.to_thread(Attachment.remove_of, ann.id)
        assert (await fetch(ann, attachment)).status_code == 404
        assert (await sweep(app), await kept(attachment)) == (1, (0, 0))


@pytest.mark.usefixtures("documents")
class TestQuota:
    async def test_a_small_file_counts_64_kilobytes_of_the_quota(self) -> None:
        user = str(ObjectId())

        def begin() -> bool:
            return Attachment.begin(str(ObjectId()), user, "x", 1, 3 * 64 * 1024)

        began = [await asyncio.to_thread(begin) for _ in range(4)]
        assert began == [True, True, True, False]
        assert await asyncio.to_thread(Attachment.used_by, user) == 3 * 64 * 1024

    async def test_concurrent_uploads_do_not_exceed_the_quota(self) -> None:
        user = str(ObjectId())

        def begin() -> bool:
            return Attachment.begin(str(ObjectId()), user, "x", 10**6, 5 * 10**6)

        began = await asyncio.gather(*(asyncio.to_thread(begin) for _ in range(12)))
        assert sum(began) <= 5


def test_a_file_in_use_is_checked_again_later_than_a_new_one() -> None:
    assert AGAIN > GRACE
