"""What goes wrong with a speech service, beside `aura.errors`."""

from __future__ import annotations

from aura.errors import BackendError, Unavailable
from aura.router.faults import Fault, FaultKind, fault_of


class PartMissing(Unavailable):
    """A part of voice is not installed or configured. The message says which, and ends with what repairs it.

    `part` is `speech to text`, `text to speech` or `voice activity`; `command` installs it.
    """

    def __init__(self, message: str, *, part: str, command: str) -> None:
        super().__init__(message, retry_after_seconds=60.0)
        self.part = part
        self.command = command


class SpeechFault(BackendError):
    """A speech service has failed; what `fault` says of it decides whether another one is tried. Chains translate it."""

    def __init__(self, message: str, fault: Fault) -> None:
        super().__init__(message)
        self.fault = fault

    @classmethod
    def of(cls, error: Exception, *, provider: str) -> SpeechFault:
        """What a vendor's `error` means."""
        fault = fault_of(error)
        return cls(f"{provider} failed: {fault.described or fault.kind.value}", fault)

    @classmethod
    def kind(cls, kind: FaultKind, *, provider: str, described: str = "") -> SpeechFault:
        """A failure without an exception of the vendor's."""
        fault = Fault(kind=kind, described=described or kind.value)
        return cls(f"{provider} failed: {fault.described}", fault)
