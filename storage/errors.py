"""The one error tree of storage. Edges map the classes to codes and words; nothing here knows HTTP."""


class StorageError(Exception):
    """Base of everything storage refuses to do."""


class ObjectMissingError(StorageError):
    """No content file of this name."""


class DurabilityError(StorageError):
    """The disk did not confirm a write: nothing may be promised, and nothing is tried again."""


class DamagedObjectError(StorageError):
    """A stored content that is not what was stored."""


class BusyError(StorageError):
    """Somebody else is writing there; try again in a moment."""


class OffsetError(StorageError):
    """An append that does not begin where the durable bytes end."""

    def __init__(self, offset: int) -> None:
        """Keep where the durable bytes end."""
        super().__init__(f"the durable bytes end at {offset}")
        self.offset = offset


class SchemaError(StorageError):
    """A database whose schema is another role's, newer than this program, or not migrated."""
