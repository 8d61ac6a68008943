"""What the processes of a rollout share beside its leases, each a small object of its own over the same database."""

from canary.store.database import Database
from canary.store.outbox import Outbox
from canary.store.retention import Retention
from canary.store.shadow_leases import ShadowBook
from canary.store.statements import Statements


class Shared(Database):
    """A database with the books that processes keep in turns."""

    def shadow_book(self, rollout: str) -> ShadowBook:
        """The shadow leases of a rollout, and the money that they cost."""
        return ShadowBook(rollout, self._write, self._read)

    def outbox(self, rollout: str) -> Outbox:
        """The webhooks of a rollout on their way to the client."""
        return Outbox(rollout, self._write, self._read)

    def statements(self, rollout: str) -> Statements:
        """What the arms' own histories say of a rollout's refunds."""
        return Statements(rollout, self._write, self._read)

    def retention(self, rollout: str) -> Retention:
        """Lets go of a rollout's old rows."""
        return Retention(rollout, self._write, self._read)
