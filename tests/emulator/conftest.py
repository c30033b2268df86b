"""Shared by the tests of the emulator."""

from plain_log import plain_log  # noqa: F401
