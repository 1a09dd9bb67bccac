"""Pictures with entries: what is accepted, how it is kept and how it is sent."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from visitor import PNG, Visitor, csrf_token, found, heading, messages, pictures, problems, upload

from microweb import App


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("pictures/*"))


@pytest.mark.parametrize(
    ("content", "suffix", "mimetype"),
    [
        (PNG, "png", "image/png"),
        (b"\xff\xd8\xff\xe0 and so on", "jpg", "image/jpeg"),
        (b"GIF87a and so on", "gif", "image/gif"),
        (b"GIF89a and so on", "gif", "image/gif"),
        (b"RIFF\x99\0\0\0WEBPVP8 ", "webp", "image/webp"),
    ],
)
def test_a_picture_is_known_by_its_content(
    ada: Visitor, guest: Visitor, content: bytes, suffix: str, mimetype: str
) -> None:
    answer = ada.write("Look!", picture=upload(content, "../evil.html"), description="Tea & cake")
    assert answer.status_code == 303
    page = guest.get("/entries/1")
    (url,) = pictures(page)
    assert re.fullmatch(rf"/entries/pictures/[0-9a-f]{{32}}\.{suffix}", url)
    assert found('<img .*?alt="(.*?)"', page) == ["Tea & cake"]

    with guest.client.get(url) as response:
        assert (response.status_code, response.data) == (200, content)
        assert response.mimetype == mimetype


def test_a_picture_can_be_kept_by_any_cache_for_good(ada: Visitor) -> None:
    ada.write("Look!", picture=upload())
    (url,) = pictures(ada.get("/entries/1"))
    with ada.client.get(url) as response:
        assert response.cache_control.max_age == 365 * 24 * 60 * 60
        assert response.cache_control.immutable
        assert "private" not in response.cache_control
        assert "Set-Cookie" not in response.headers
        assert "Cookie" not in response.headers.get("Vary", "")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "attachment" not in response.headers["Content-Disposition"]
        etag = response.headers["ETag"]
    with ada.client.get(url, headers={"If-None-Match": etag}) as response:
        assert (response.status_code, response.data) == (304, b"")
    with ada.client.get(url, headers={"Range": "bytes=1-3"}) as response:
        assert (response.status_code, response.data) == (206, b"PNG")


@pytest.mark.parametrize(
    "content", [b"", b"GIF", b"<script>alert(1)</script>", b"%PDF-1.7", b"RIFF\0\0\0\0WAVE"]
)
def test_what_is_no_picture_is_refused_whatever_it_is_called(
    ada: Visitor, folder: Path, content: bytes
) -> None:
    answer = ada.write("Look!", picture=upload(content, "tea.png"))
    assert answer.status_code == 422
    assert problems(answer.text) == [
        "This is not a picture: please choose a PNG, JPEG, GIF or WebP file."
    ]
    assert found("<textarea[^>]*>\n(.*?)</textarea>", answer.text) == ["Look!"]
    assert kept(folder) == []


def test_a_picture_is_optional(ada: Visitor, folder: Path) -> None:
    # What a browser sends for a file field that nobody touched.
    assert ada.write("Look!", picture=upload(b"", "")).status_code == 303
    assert pictures(ada.get("/entries/1")) == []
    assert kept(folder) == []


def test_a_form_of_the_wrong_type_brings_only_the_name_of_a_picture(ada: Visitor) -> None:
    answer = ada.write("Look!", picture="tea.png")
    assert answer.status_code == 422
    assert problems(answer.text) == [
        "The picture did not arrive, only its name. Please choose it again."
    ]
    assert 'enctype="multipart/form-data"' in ada.get("/entries/new")


def test_after_another_error_a_picture_has_to_be_chosen_again(ada: Visitor, folder: Path) -> None:
    answer = ada.write("", picture=upload())
    assert problems(answer.text) == [
        "Please write your message.",
        "Please choose the picture again.",
    ]
    assert kept(folder) == []


def test_a_picture_may_take_megabytes_and_other_forms_may_not(ada: Visitor, folder: Path) -> None:
    def large(size: int) -> tuple[BytesIO, str]:
        return upload(PNG.ljust(size))

    assert ada.write("Look!", picture=large(4 * 1024 * 1024)).status_code == 303
    assert len(kept(folder)) == 1

    answer = ada.write("Look!", picture=large(5 * 1024 * 1024))
    assert answer.status_code == 413
    assert heading(answer.text) == "Too large"
    assert len(kept(folder)) == 1

    assert ada.post("/auth/login", name="x" * 64 * 1024).status_code == 413
    assert ada.post("/auth/login", picture=large(64 * 1024)).status_code == 413


def test_a_broken_multipart_form_is_refused_in_words(ada: Visitor) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="picture"; filename="a'
    answer = ada.client.post(
        "/entries/new", data=body, content_type="multipart/form-data; boundary=b"
    )
    assert answer.status_code == 400
    assert heading(answer.text) == "Bad Request"
    assert ada.client.post("/entries/new", content_type="multipart/form-data").status_code == 400


def test_a_picture_is_replaced_or_removed_with_its_file(ada: Visitor, folder: Path) -> None:
    ada.write("Look!", picture=upload())
    (first,) = kept(folder)

    ada.post("/entries/1/edit", message="Look again!", description="Tea")
    assert kept(folder) == [first]
    assert messages(ada.get("/entries/1")) == ["Look again!"]

    ada.post("/entries/1/edit", message="Look!", picture=upload(b"GIF89a"))
    (second,) = kept(folder)
    assert second.endswith(".gif")
    assert pictures(ada.get("/entries/1")) == [f"/entries/pictures/{second}"]

    assert "Remove the picture that is there" in ada.get("/entries/1/edit")
    ada.post("/entries/1/edit", message="Look!", remove="on")
    assert kept(folder) == []
    assert pictures(ada.get("/entries/1")) == []


def test_a_deleted_entry_takes_its_picture_along(ada: Visitor, folder: Path) -> None:
    ada.write("Look!", picture=upload())
    ada.write("This too!", picture=upload())
    ada.post("/entries/1/delete")
    assert [f"/entries/pictures/{name}" for name in kept(folder)] == pictures(ada.get("/entries/2"))


@pytest.mark.parametrize(
    "name", ["nothing.png", "..%2Fguestbook.sqlite3", "..%2Fsecret_key", "%00.png", "", "a.html"]
)
def test_nothing_else_is_sent(ada: Visitor, name: str) -> None:
    ada.write("Look!", picture=upload())
    assert ada.client.get(f"/entries/pictures/{name}").status_code == 404


def test_a_start_sweeps_up_pictures_without_an_entry(
    start: Callable[..., App], folder: Path
) -> None:
    ada = Visitor(start()).register("Ada")
    ada.write("Look!", picture=upload())
    (used,) = kept(folder)
    long_ago = time.time() - 2 * 60 * 60
    os.utime(folder / "pictures" / used, (long_ago, long_ago))
    for name, then in [("left.png", long_ago), ("arriving.png", time.time())]:
        path = folder / "pictures" / name
        path.write_bytes(PNG)
        os.utime(path, (then, then))

    Visitor(start()).get("/entries/")
    assert kept(folder) == sorted([used, "arriving.png"])


def test_the_form_s_own_token_counts_in_a_form_with_files(ada: Visitor) -> None:
    token = csrf_token(ada.get("/entries/new"))
    fields = {"csrf_token": token, "message": "Look!", "picture": upload()}
    assert ada.client.post("/entries/new", data=fields).status_code == 303
