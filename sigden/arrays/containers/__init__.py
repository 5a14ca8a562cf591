"""Containers in, the same containers out."""

from sigden.arrays.containers.base import Sample, entries, is_collection, rebuild_collection, unpack

__all__ = ["Sample", "entries", "is_collection", "rebuild_collection", "unpack"]
