"""Sessions wait for locks of another session.

## Why it matters

Whoever waits holds its own locks and its connection meanwhile, so that others wait for it in turn, until the pool is empty and the
application stands still. All of them go on at once when the first session of the chain ends its transaction: it is the one to look at.

## When to ignore

Waits of a moment are ordinary where several sessions change the same rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from dbwright.model.activity import Session
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import client, with_sessions
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import duration
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("activity.sessions",)
LIMITS = {"seconds": 5}
COVERS = ("blocking-sessions",)


def _waiter(pid: int, by: int, seconds: float = 120.0) -> Session:
    query = "UPDATE orders SET paid = $1 WHERE id = $2"
    return client(
        "app", pid=pid, state="active", wait_event_type="Lock", query_seconds=seconds, blocked_by=(by,), query=query
    )


_ROOT = client(
    "app",
    "shell",
    pid=1,
    state="idle in transaction",
    state_seconds=300.0,
    transaction_seconds=301.0,
    query="UPDATE orders SET a = $1",
)
BAD = (
    Sample(edit=with_sessions(_ROOT, _waiter(2, 1))),
    Sample(edit=with_sessions(_ROOT, _waiter(2, 1), _waiter(3, 2), _waiter(4, 2), _waiter(5, 4))),
    Sample(edit=with_sessions(_ROOT, _waiter(2, 1), _waiter(3, 77)), findings=2),  # 77: gone, or hidden
    Sample(edit=with_sessions(_waiter(2, 3), _waiter(3, 2))),  # a deadlock about to be found
    Sample(edit=with_sessions(_waiter(2, 0))),  # a prepared transaction
)
GOOD = (
    Sample(),
    Sample(edit=with_sessions(_ROOT, _waiter(2, 1, 0.4))),
    Sample(edit=with_sessions(_ROOT, client("app", pid=2))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    by_pid = {session.pid: session for session in snapshot.activity.sessions}
    trees: defaultdict[int, list[Session]] = defaultdict(list)
    roots: dict[int, int] = {}
    for session in snapshot.activity.sessions:
        if session.blocked_by:
            trees[_root(session.pid, by_pid, roots)].append(session)
    heads: Counter[str] = Counter()
    for root, waiting in sorted(trees.items()):
        longest = max(s.query_seconds or 0 for s in waiting)
        if longest >= limits["seconds"]:
            blocker = by_pid.get(root)
            name = f"{blocker.user} {blocker.application}" if blocker else ""
            heads[name] += 1  # two chains behind sessions of the same pool stay two findings
            yield _finding(root, blocker, waiting, longest, limits, f"{name} {heads[name]}")


def _root(pid: int, by_pid: dict[int, Session], known: dict[int, int]) -> int:
    """The process at the head of the queue: the first one that does not itself wait. Within a circle the smallest number."""
    path: list[int] = []
    while pid not in known:
        if pid in path:
            known[pid] = min(path[path.index(pid) :])
            break
        path.append(pid)
        session = by_pid.get(pid)
        if session is None or not session.blocked_by:
            known[pid] = pid
            break
        pid = session.blocked_by[0]
    root = known[pid]
    known.update(dict.fromkeys(path, root))
    return root


def _finding(
    root: int, blocker: Session | None, waiting: list[Session], longest: float, limits: Limits, identity: str
) -> Finding:
    total = sum(s.query_seconds or 0 for s in waiting)
    if root == 0:
        who, doing = "A prepared transaction", "see pg_prepared_xacts"
    elif blocker is None:
        who, doing = f"Process {root}", "what it does is not visible"
    else:
        name = f"{blocker.user or '?'}{f', {blocker.application}' if blocker.application else ''}"
        text = " ".join(blocker.query.split())[:120]
        age = f" for {duration(blocker.transaction_seconds)}" if blocker.transaction_seconds else ""
        who, doing = (
            f"Process {root} ({name})",
            f"{blocker.state or 'state hidden'}, in its transaction{age}, last `{text}`",
        )
    count = f"{len(waiting)} session{'s' if len(waiting) > 1 else ''}"
    return Finding(
        title=f"{who} blocks {count} for up to {duration(longest)}"[:79],
        message=f"{count} wait behind {who[0].lower() + who[1:]}, the longest for {duration(longest)}. Its state: {doing}.",
        objects=(ObjectRef("session", (blocker.user if blocker else None) or "?"),),
        impact=Impact(total, "seconds waited", limits["seconds"], 36_000),
        evidence={
            "blocker": root,
            "blocker_state": blocker.state if blocker else None,
            "waiting": [
                {
                    "pid": s.pid,
                    "user": s.user,
                    "blocked_by": list(s.blocked_by),
                    "seconds": s.query_seconds,
                    "query": s.query[:200],
                }
                for s in waiting[:20]
            ],
            "waiting_count": len(waiting),
        },
        next_step="Commit or roll it back: COMMIT PREPARED or ROLLBACK PREPARED with its name."
        if root == 0
        else f"If it may be lost, end it with `SELECT pg_terminate_backend({root});`; the waiting sessions then go on.",
        identity=identity,
    )
