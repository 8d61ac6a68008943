"""What can go wrong with the store, said for the operator.

StoreError
├── StoreRefused        these rows cannot be written: they clash with others, or do not fit
│   └── StoreClash      another process wrote the like at the same moment: the next try finds what it wrote
├── StoreUnavailable    it may work again by itself: busy, full, unreachable
└── StoreUnusable       it will not: corrupted, too new, not permitted
"""


class StoreError(Exception):
    """The store did not do what was asked; nothing was changed."""


class StoreRefused(StoreError):
    """The rows clash with others or do not fit; other rows may be written."""


class StoreClash(StoreRefused):
    """Another process wrote the same rows at the same moment; trying again meets what it wrote."""


class StoreUnavailable(StoreError):
    """The store does not answer or take data at the moment."""


class StoreUnusable(StoreError):
    """The store cannot be used until somebody mends it."""
