"""Transport compression: each message is flushed, the stream never ends."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TypeAlias

import zstandard

Pack: TypeAlias = Callable[[bytes], bytes]
"""Compresses one message in the context of all those before it."""


class UnknownCompressionError(ValueError):
    """A client asked for a compression that Discord does not have."""


def packer(compress: str | None) -> Pack | None:
    """Return the packer for a `compress` query; null sends text as it is.

    Raises:
        UnknownCompressionError: the name is neither zlib-stream nor zstd-stream.
    """
    if compress is None:
        return None
    if compress == "zlib-stream":
        deflate = zlib.compressobj()
        return lambda data: deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH)
    if compress == "zstd-stream":
        zstd = zstandard.ZstdCompressor(level=1).compressobj()
        block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        return lambda data: zstd.compress(data) + zstd.flush(block)
    raise UnknownCompressionError(f"unknown compression {compress!r}")
