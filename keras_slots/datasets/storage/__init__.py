"""Caches and shards of scenes on disk."""
