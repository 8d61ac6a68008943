"""The tables; an older store is brought to them by ``canary.store.migrations``."""

from decimal import Decimal

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
)


class Exact(TypeDecorator[Decimal]):
    """A decimal kept as its digits: SQLite would make it a float."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


metadata = MetaData()

# SQLite counts rows up only for INTEGER keys
_Serial = BigInteger().with_variant(Integer, "sqlite")

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))

rollouts = Table(
    "rollouts",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("salt", String(64), nullable=False),
    Column("state", String(20), nullable=False),
    Column("stage", String(200), nullable=False),
    Column("stage_index", Integer, nullable=False),
    Column("weight", Float(53), nullable=False),
    Column("shadow", Float(53), nullable=False),
    Column("safe_arm", String(3), nullable=False),
    Column("since", Float(53), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("policy_hash", String(64), nullable=False),
    Column("heartbeat", Float(53)),
    Column("verdict", JSON),
    Column(
        "ticks", BigInteger, nullable=False, default=0
    ),  # of the controller; two controllers cannot both win one
)

# every policy that a rollout ever ran under: a decision is made again under the one of its time
policies = Table(
    "policies",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("json", String, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("rollout", String(200), nullable=False, index=True),
    Column("at", Float(53), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("event", String(40), nullable=False),
    Column("reason", String, nullable=False),
    Column("before", String(20), nullable=False),
    Column("after", String(20), nullable=False),
    Column("stage", String(200), nullable=False),
    Column("weight", Float(53), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("policy_hash", String(64), nullable=False),
    Column("version", String(40), nullable=False),
    Column("evidence", JSON, nullable=False),
)

purchases = Table(
    "purchases",
    metadata,
    Column("serial", _Serial, primary_key=True, autoincrement=True),  # in the order of writing
    Column("rollout", String(200), nullable=False),
    Column("id", String(40), nullable=False),
    Column("at", Float(53), nullable=False),
    Column("arm", String(3), nullable=False),
    Column("action", String(60), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("code", String(60), nullable=False),
    Column("latency", Float(53), nullable=False),
    Column("unit", String(200)),
    Column("assigned_arm", String(3)),
    Column("probability", Float(53)),
    Column("attempt", Integer),
    Column("stage", Integer),
    Column("spilled", Boolean, nullable=False),
    Column("lost", Boolean, nullable=False),
    Column("failure", String(20)),
    Column("service", String(100), nullable=False),
    Column("country", String(100), nullable=False),
    Column("client", String(100), nullable=False),
    UniqueConstraint("rollout", "id"),
    Index("purchases_in_order", "rollout", "serial"),
    Index("purchases_by_unit", "rollout", "unit"),
)

leases = Table(
    "leases",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("arm", String(3), primary_key=True),
    Column("kind", String(10), primary_key=True),
    Column("id", String(200), primary_key=True),
    Column("visible_id", String(200), nullable=False),
    Column("purchase", String(40)),
    Column("opened_at", Float(53), nullable=False),
    Column("service", String(100), nullable=False),
    Column("country", String(100), nullable=False),
    Column("client", String(100), nullable=False),
    Column("key", String(40), nullable=False),
    Column("price", Exact),
    Column("price_source", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("code_at", Float(53)),
    Column("claimed_at", Float(53)),
    Column("claim", String(60), nullable=False),
    Column("ended_at", Float(53)),
    Column("expires_at", Float(53)),
    Column("auto_refund", Boolean, nullable=False),
    Column("refunded_at", Float(53)),
    Column("seen_at", Float(53), nullable=False),
    Column("calls", LargeBinary, nullable=False),
    # what follows from the columns above, written with them so that sums need not know the rules
    Column("result", String(10), nullable=False),
    Column("due_at", Float(53)),
    Column("basis", String(10)),
    UniqueConstraint("rollout", "kind", "visible_id"),
    Index("leases_by_purchase", "rollout", "purchase"),
    Index("leases_by_state", "rollout", "state", "ended_at"),
    # holds all that is counted and added up, in the order in which it is grouped: a sum reads this index alone
    Index(
        "leases_in_sum",
        *("rollout", "arm", "result", "state", "price", "refunded_at", "due_at", "purchase"),
    ),
)

# leases that were pruned, as counts of equal ones
settled = Table(
    "settled",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("arm", String(3), primary_key=True),
    Column("service", String(100), primary_key=True),
    Column("country", String(100), primary_key=True),
    Column("key", String(40), primary_key=True),
    Column("result", String(10), primary_key=True),
    Column("state", String(20), primary_key=True),
    Column("price", String(40), primary_key=True),  # its digits; empty when it is not known
    Column("refunded", Boolean, primary_key=True),  # a balance has confirmed it
    Column("purchased", Boolean, primary_key=True),  # through the harness
    Column("n", BigInteger, nullable=False),
)

tallies = Table(
    "tallies",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("proxy", String(60), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("stage", Integer, primary_key=True),
    Column("bucket", BigInteger, primary_key=True),
    Column("arm", String(3), primary_key=True),
    Column("action", String(60), primary_key=True),
    Column("outcomes", JSON, nullable=False),
    Column("codes", JSON, nullable=False),
    Column("latency", JSON, nullable=False),
    Index("tallies_by_time", "rollout", "bucket"),
)

counters = Table(
    "counters",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("proxy", String(60), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("n", BigInteger, nullable=False),
)

traits = Table(
    "traits",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("proxy", String(60), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("action", String(60), primary_key=True),
    Column("arm", String(3), primary_key=True),
    Column("branch", String(60), primary_key=True),
    Column("path", String(200), primary_key=True),
    Column("aspect", String(20), primary_key=True),
    Column("value", String(900), primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("first_at", Float(53), nullable=False),
    Column("last_at", Float(53), nullable=False),
    Column("example", String(200), nullable=False),
)

pairs = Table(
    "pairs",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("proxy", String(60), primary_key=True),
    Column("terms", String(12), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("stage", Integer, primary_key=True),
    Column("metric", String(40), primary_key=True),
    Column("only_new", BigInteger, nullable=False),
    Column("only_old", BigInteger, nullable=False),
    Column("both", BigInteger, nullable=False),
    Column("neither", BigInteger, nullable=False),
)

shadow_leases = Table(
    "shadow_leases",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("id", String(40), primary_key=True),
    Column("mode", String(10), nullable=False),
    Column("state", String(10), nullable=False),
    Column("amount", Exact, nullable=False),  # reserved at first, then what it cost
    Column("day", Integer, nullable=False),  # the last one to which it may be charged
    Column("at", Float(53), nullable=False),
    Column("next_at", Float(53), nullable=False),  # when something has to be done about it
    Column("expires_at", Float(53), nullable=False),
    Column("of_id", String(200), nullable=False),  # old's own id of the lease that it shadows
    Column("own_id", String(200), nullable=False),  # new's id of it, once it is known
    Column("service", String(100), nullable=False),
    Column("country", String(100), nullable=False),
    Column("claim", String(60), nullable=False),  # what became of its cancel
    Index("shadow_leases_due", "rollout", "state", "next_at"),
)

shadow_switch = Table(
    "shadow_switch",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("stopped", Boolean, nullable=False),
    Column("reason", String, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("at", Float(53), nullable=False),
)

acks = Table(
    "acks",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("action", String(60), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("path", String(200), primary_key=True),
    Column("shown", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("at", Float(53), nullable=False),
)

hazards = Table(
    "hazards",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("proxy", String(60), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("client", String(100), primary_key=True),
    Column("key", String(40), primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("first_at", Float(53), nullable=False),
    Column("last_at", Float(53), nullable=False),
    Column("amount", Exact, nullable=False),
    Column("example", String, nullable=False),
)

# webhooks that came, until and for a while after the client has them; a body goes once it is delivered
outbox = Table(
    "outbox",
    metadata,
    Column("serial", _Serial, primary_key=True, autoincrement=True),  # in the order of coming
    Column("rollout", String(200), nullable=False),
    Column("arm", String(3), nullable=False),
    Column("digest", String(64), nullable=False),  # tells a repetition
    Column("lane", String(300), nullable=False),  # what is delivered in order
    Column("source", String(100), nullable=False),
    Column("content_type", String(200), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("next_at", Float(53), nullable=False),  # when it may be sent
    Column("tries", Integer, nullable=False),
    Column("done_at", Float(53)),
    UniqueConstraint("rollout", "arm", "digest"),
    Index("outbox_waiting", "rollout", "done_at", "next_at"),
    Index("outbox_lanes", "rollout", "lane", "serial"),
)

# what an arm's own history says of refunds that are due
statements = Table(
    "statements",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("arm", String(3), primary_key=True),
    Column("kind", String(10), primary_key=True),
    Column("id", String(200), primary_key=True),
    Column("at", Float(53), nullable=False),
    Column(
        "word", String(10), nullable=False
    ),  # empty in the row of an arm, which says when it was asked last
)

recoveries = Table(
    "recoveries",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("purchase", String(40), primary_key=True),
    Column("fate", String(20), nullable=False),
)

arms = Table(
    "arms",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("arm", String(3), primary_key=True),
    Column("currency", String(40), nullable=False),
    Column("factor", Exact, nullable=False),
    Column("refund_within", Float(53), nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("arm", String(3), primary_key=True),
    Column("account", String(40), primary_key=True),
    Column("at", Float(53), nullable=False),
    Column("balance", Exact, nullable=False),
    Column("paid_in", Exact, nullable=False),
    Column("due", Exact, nullable=False),
    Column("outstanding", Exact, nullable=False),
    Column("at_most", Exact, nullable=False),
    Column("unexplained", Exact, nullable=False),
    Column("shared", Boolean, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("era", Integer, primary_key=True),
    Column("part", String(200), primary_key=True),
    Column("data", JSON, nullable=False),
)

history = Table(
    "history",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("era", Integer, primary_key=True),
    Column("at", Float(53), primary_key=True),
    Column("metrics", JSON, nullable=False),
)

# how far people have been told of the decisions: the id of the last one
told = Table(
    "told",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("decision", BigInteger, nullable=False),
)
