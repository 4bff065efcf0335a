"""What Discord accepts as a message, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.doubles.discord.rest.answers import ApiError, InvalidFormError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.doubles.discord.ids import Snowflakes
    from tests.doubles.discord.model import Json
    from tests.doubles.discord.rest.bodies import Upload

CONTENT = 2000
EMBEDS = 10
EMBED_TOTAL = 6000
_EMBED_TEXTS = {"title": 256, "description": 4096}
_FIELDS = 25
_FIELD_TEXTS = {"name": 256, "value": 1024}


def check(body: Json) -> None:
    """Refuse texts that are too long.

    Raises:
        InvalidFormError: names the first field that is.
    """
    _text(body, ("content",), CONTENT)
    embeds = _listed(body, "embeds")
    _count(embeds, ("embeds",), EMBEDS)
    for number, embed in enumerate(embeds):
        _check_embed(embed, ("embeds", str(number)))
    if sum(_letters(embed) for embed in embeds) > EMBED_TOTAL:
        raise InvalidFormError(
            ("embeds",),
            "MAX_EMBED_SIZE_EXCEEDED",
            f"Embed size exceeds maximum size of {EMBED_TOTAL}",
        )


def check_not_empty(body: Json, uploads: Sequence[Upload]) -> None:
    """Refuse a message that nobody could see."""
    parts = ("content", "embeds", "components", "sticker_ids", "poll")
    if not uploads and not any(body.get(part) for part in parts):
        raise ApiError(400, 50006, "Cannot send an empty message")


def _check_embed(embed: Json, path: tuple[str, ...]) -> None:
    for name, limit in _EMBED_TEXTS.items():
        _text(embed, (*path, name), limit)
    fields = _listed(embed, "fields")
    _count(fields, (*path, "fields"), _FIELDS)
    for number, field in enumerate(fields):
        for name, limit in _FIELD_TEXTS.items():
            if not field.get(name):
                where = (*path, "fields", str(number), name)
                raise InvalidFormError(where, "BASE_TYPE_REQUIRED", "This field is required")
            _text(field, (*path, "fields", str(number), name), limit)
    if isinstance(embed.get("footer"), dict):
        _text(embed["footer"], (*path, "footer", "text"), 2048)
    if isinstance(embed.get("author"), dict):
        _text(embed["author"], (*path, "author", "name"), 256)


def _text(holder: Json, path: tuple[str, ...], limit: int) -> None:
    value = holder.get(path[-1])
    if value is None:
        return
    if not isinstance(value, str):
        raise InvalidFormError(path, "STRING_TYPE_CONVERT", f'Could not convert "{value}" to str')
    if len(value) > limit:
        message = f"Must be {limit} or fewer in length."
        raise InvalidFormError(path, "BASE_TYPE_MAX_LENGTH", message)


def _count(items: Sequence[Any], path: tuple[str, ...], limit: int) -> None:
    if len(items) > limit:
        message = f"Must be {limit} or fewer in length."
        raise InvalidFormError(path, "BASE_TYPE_BAD_LENGTH", message)


def _listed(holder: Json, name: str) -> list[Json]:
    value = holder.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise InvalidFormError((name,), "LIST_TYPE_CONVERT", "Only iterables may be used")
    return value


def _letters(embed: Json) -> int:
    texts = [embed.get("title"), embed.get("description")]
    texts += [(embed.get("footer") or {}).get("text"), (embed.get("author") or {}).get("name")]
    for field in embed.get("fields") or []:
        texts += [field.get("name"), field.get("value")]
    return sum(len(text) for text in texts if text)


def visible(body: Json) -> Json:
    """Return the fields of a message that a body sets; those it does not name are left out."""
    shown: Json = {}
    if "content" in body:
        shown["content"] = body["content"] or ""
    if "embeds" in body:
        shown["embeds"] = [{"type": "rich", **embed} for embed in body["embeds"] or []]
    if "components" in body:
        shown["components"] = body["components"] or []
    return shown


def attachments(
    ids: Snowflakes, base_url: str, old: Iterable[Json], body: Json, uploads: Sequence[Upload]
) -> list[Json]:
    """Return the attachments of a message: those kept, and the files that came."""
    kept = {each["id"]: each for each in old}
    listed = body.get("attachments")
    found = list(kept.values())
    if listed is not None:
        found = [kept[str(each["id"])] for each in listed if str(each["id"]) in kept]
    described = {str(each["id"]): each for each in listed or []}
    for upload in uploads:
        about, new_id = described.get(upload.part, {}), ids.take()
        name = about.get("filename") or upload.filename
        url = f"{base_url}/attachments/{new_id}/{name}"
        found.append(
            {
                "id": new_id,
                "filename": name,
                "description": about.get("description"),
                "size": len(upload.data),
                "url": url,
                "proxy_url": url,
                "content_type": upload.content_type,
            }
        )
    return found
