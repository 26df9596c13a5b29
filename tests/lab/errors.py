"""What can go wrong in the lab."""


class LabError(Exception):
    """A part of the lab did not do what it was told; the message carries its output."""


class MissingPartError(LabError):
    """A program or right that the lab needs is not on this machine."""
