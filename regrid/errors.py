"""The one family of errors a host can see. The class says who must act; the message says field, value, place and rank."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """Public status codes, the same numbers as in fortran_bridge/lsbc.h."""

    OK = 0
    STARTUP = 1
    CONFIG = 2
    MODEL = 3
    GRID = 4
    FIELD = 5
    VALUE = 6
    YEAR = 7
    STATE = 8
    RESTART = 9
    IO = 10
    DEVICE = 11
    INTERNAL = 12


class LsbcError(Exception):
    """Base of every failure the host can see; anything else that escapes is a defect of lsbc."""

    status = Status.INTERNAL


class StartupError(LsbcError):
    """The installation is at fault: a library or an interpreter is missing."""

    status = Status.STARTUP


class ConfigError(LsbcError):
    """The TOML file is at fault; the message names the key."""

    status = Status.CONFIG


class ModelError(LsbcError):
    """The model artefact is missing, damaged, or made for other channels or classes."""

    status = Status.MODEL


class GridError(LsbcError):
    """The host's cells break the contract: duplicate ids, bad corners, uncovered places."""

    status = Status.GRID


class WeightError(GridError):
    """Remapping weights, or the file they come from, break a rule."""


class FieldError(LsbcError):
    """A field is unknown, missing or has the wrong size."""

    status = Status.FIELD


class ValueRangeError(LsbcError):
    """A field's values are not finite, out of range, or do not sum as they must."""

    status = Status.VALUE


class YearError(LsbcError):
    """The year runs backwards or skips."""

    status = Status.YEAR


class StateError(LsbcError):
    """Calls in the wrong order, or on an instance that is gone."""

    status = Status.STATE


class RestartError(LsbcError):
    """The restart file is damaged or belongs to another grid or model."""

    status = Status.RESTART


class FileError(LsbcError):
    """A file could not be read or written."""

    status = Status.IO


class DeviceError(LsbcError):
    """The accelerator is absent or out of memory."""

    status = Status.DEVICE


class InternalError(LsbcError):
    """A result failed lsbc's own output gate."""

    status = Status.INTERNAL


_BY_STATUS = {
    cls.status: cls
    for cls in (
        StartupError, ConfigError, ModelError, GridError, FieldError, ValueRangeError,
        YearError, StateError, RestartError, FileError, DeviceError, InternalError,
    )
}


def error_for(status: int, message: str) -> LsbcError:
    """The error of the class that belongs to a status code, as received from another rank."""
    return _BY_STATUS.get(Status(status), InternalError)(message)
