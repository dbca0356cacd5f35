"""The command lines of the tour: every command that etcdctl and troupectl share, in an order in which each finds what the
earlier ones left. Nothing here knows which client or server runs it."""

import dataclasses
import shlex


@dataclasses.dataclass(frozen=True)
class Step:
    """One run of the client. `{L}` in a word stands for what an earlier step captured under L; `{endpoint}` for the
    address of the server."""

    words: tuple
    stdin: str = ""
    environment: dict = dataclasses.field(default_factory=dict)
    # Name to a regular expression, whose first group is taken from standard output.
    capture: dict = dataclasses.field(default_factory=dict)
    # The run goes on until its standard output has this many lines, then gets SIGINT.
    until_lines: int = 0
    # The run goes on until this other command line prints so many lines, then gets SIGINT.
    until: tuple = ()
    # Flags or a release difference that leave nothing to compare with: only the exit code and that something is said.
    loose: str = ""

    @property
    def line(self):
        return shlex.join(self.words) + (" <<" + repr(self.stdin) if self.stdin else "")


def run(line, **more):
    return Step(tuple(shlex.split(line)), **more)


FORMATS = ("simple", "json", "fields", "protobuf", "table")


def in_all_formats(line, **more):
    return [run(f"{line} -w {form}", **more) for form in FORMATS]


def key_value():
    yield from in_all_formats("put a 1")
    yield from in_all_formats("put a 2 --prev-kv")
    for line in (
        "put b 'x\"<>& \\ é'", "put c -- -v", "put -- c -w", "put d --ignore-value", "put a --ignore-value", "put a 3 --ignore-lease",
        "put a 3 --ignore-value", "put", "put x y --lease=zz", "put x y --lease=99999999999999999999", "put '' v",
        "put x y --lease=1234", "pu e 5", "put e 6 7 8", "put f ''",
    ):
        yield run(line)
    yield run("put g", stdin="from standard input\n")
    yield run("put g")
    yield run("put h \u2028\U0001f600")
    for line in ("get a", "get h", "get b", "get nothing", "get a --hex", "get a c", "get --prefix ''", "get --from-key b --limit 2",
                 "get --prefix '' --sort-by MODIFY --order descend --limit=2", "get '' --prefix --keys-only"):
        yield from in_all_formats(line)
    for line in (
        "get", "get a b c", "get a --prefix --from-key", "get a b --prefix", "get a --order up", "get a --sort-by color",
        "get a --consistency=s", "get a --consistency=x", "get a --rev 2", "get a --rev 1000", "get a --rev=-1", "get a --limit x",
        "get a --limit=0x2", "get a --limit=99999999999999999999", "get a --prefix=x", "get a --prefix=0", "get a --print-value-only",
        "get a -w json --print-value-only", "get a -w yaml", "get a -wjson", "get a -w=json", "-w json get a", "--hex get a", "get -x a",
        "get --foo a", "get --foo=1 a", "get a -w", "get a --limit", "get ---a", "get a --endpoints=", "get a --hex --print-value-only",
        "get '' --from-key --print-value-only --sort-by=create", "get '' --prefix --sort-by=value --order=ASCEND",
        "get '' --prefix --sort-by=version", "get --prefix a --rev 3 -w fields", "get a --command-timeout=x", "get a --command-timeout=3",
    ):
        yield run(line)
    yield run("get a", environment={"ETCDCTL_WRITE_OUT": "json"})
    yield run("get a -w json", environment={"ETCDCTL_WRITE_OUT": "json"})
    yield run("get a", environment={"ETCDCTL_WRITE_OUT": "yaml"})
    yield run("get a", environment={"ETCDCTL_HEX": "true", "ETCDCTL_DIAL_TIMEOUT": "3s"})
    yield run("get a", environment={"ETCDCTL_COLOR": "red"})
    yield from in_all_formats("del nothing")
    for form in FORMATS:
        yield run("put z1 v")
        yield run(f"del z1 -w {form} --prev-kv")
    for line in ("del", "del a b c", "del a --prefix --from-key", "del a b --prefix", "del --prefix z", "del --from-key x", "del --prefix '\xff'"):
        yield run(line)
    yield run("del b c")  # asks for patience since 3.5


def transactions():
    yield run("put t 1")
    all_kinds = 'mod("t") > "0"\nver("t") = "1"\nc("t") != "7"\nval("t") = "1"\ncreate("t") > "1"\nversion("t") < "9"\nvalue("t") != "x"\n\n' \
                'put t "two \\"words\\""\nget t\ndel u --prev-kv\nget --prefix t --keys-only\nput w "a b" --prev-kv\n\nput no 1\n\n'
    for form in FORMATS:
        yield run(f"txn -w {form}", stdin=all_kinds.replace('ver("t") = "1"\n', "").replace('val("t") = "1"\n', ""))
    yield run("txn", stdin=all_kinds)
    yield run("txn -i", stdin='value("t") = "no"\n\nput t 9\n\nput u 2\nget u\ndel --prefix u\n\n')
    yield run("txn", stdin="\n\n\n")
    yield run("txn", stdin='mod("none") = "0"\n\nput t A\n\n\n')
    for bad in ('mod("t") > "0"\n', "", 'mod "t" > "0"\n\n\n\n', 'mod(t) > "0"\n\n\n\n', 'mod("t")>"0"\n\n\n\n', 'mod("t") > "x"\n\n\n\n',
                'color("t") > "0"\n\n\n\n', 'mod("t\n\n\n\n', "\nfoo a\n\n\n", "\nput\n\n\n", "\nget t --color\n\n\n", "\nput t\n\n\n",
                "\nput x 1\nput x 2\n\n\n", '\nput "\\q" 1\n\n\n', "\nput y 1 --lease=77\n\n\n"):
        yield run("txn", stdin=bad)
    yield run("txn extra")


def compaction():
    for line in ("compaction 3", "compaction 3", "compact 4 --physical", "compaction 100000", "compaction x", "compaction", "compaction 5 -w json",
                 "get a --rev 2", "compaction 1 2", "compaction 6 --physical=maybe"):
        yield run(line)


def leases():
    for form in FORMATS:
        yield run(f"lease grant 500 -w {form}")
    yield run("lease grant 300", capture={"L": r"lease (\w+) granted"})
    for line in ("lease grant", "lease grant x", "lease grant 1 2", "lease grant 0", "lease grant -- -5", "lease grant 9999999999"):
        yield run(line)
    yield from in_all_formats("lease timetolive {L}")
    yield from in_all_formats("lease timetolive {L} --keys")
    yield run("put leased 1 --lease={L}")
    yield run("put leased 2 --ignore-lease --prev-kv -w json")
    yield from in_all_formats("get --prefix leased")
    yield run("get --prefix leased --hex -w json")
    yield from in_all_formats("lease timetolive {L} --keys")
    yield run("put 'leased 2' 1 --lease={L}")
    yield run("lease timetolive {L} --keys", loose="the server lists keys in the order of a Go map")
    for line in ("lease timetolive", "lease timetolive zz", "lease timetolive 1234", "lease timetolive 1234 -w json", "lease keep-alive", "lease keep-alive zz",
                 "lease keep-alive 1234", "lease keep-alive 1234 --once", "lease keep-alive 1234 -w json", "lease revoke", "lease revoke zz", "lease revoke 1234"):
        yield run(line)
    yield from in_all_formats("lease keep-alive {L} --once")
    yield run("lease grant 2", capture={"S": r"lease (\w+) granted"})
    yield run("lease keep-alive {S}", until_lines=2)
    yield run("lease list", loose="lease ids are random, and so is their order")
    yield run("lease list -w fields", loose="lease ids are random, and so is their order")
    for form in FORMATS:
        yield run("lease grant 77", capture={"R": r"lease (\w+) granted"})
        yield run(f"lease revoke {{R}} -w {form}")
    yield run("lease revoke {L}")
    yield run("get --prefix leased")
    for line in ("lease", "lease foo"):
        yield run(line)


def watches():
    yield run("put w1 a")
    yield run("put w2 b", capture={})
    yield run("put w1 c")
    yield run("del w1")
    first = "get w0000 -w fields"
    yield run(first, capture={"REV": r'"Revision" : (\d+)'})
    yield run("put w3 x")
    yield run("put w3 y")
    yield run("del w3")
    for form, lines in (("simple", 9), ("json", 1), ("fields", 25)):
        yield run(f"watch w3 --rev {{REV}} -w {form}", until_lines=lines)
    yield run("watch --prefix w --rev {REV}", until_lines=9)
    yield run("watch w w9 --rev {REV} --prev-kv", until_lines=13)
    yield run("watch w3 --rev {REV} --hex", until_lines=9)
    yield run("watch w3 --rev {REV} -- sh -c 'echo $ETCD_WATCH_REVISION $ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY $ETCD_WATCH_VALUE'", until_lines=12)
    yield run("watch w3 --rev {REV} -- sh -c 'exit 7'")
    yield run("watch w3 --rev {REV} -- no-such-program-here")
    yield run("watch --rev {REV}", environment={"ETCDCTL_WATCH_KEY": "w3"}, until_lines=9)
    yield run("watch --rev {REV}", environment={"ETCDCTL_WATCH_KEY": "w", "ETCDCTL_WATCH_RANGE_END": "w9"}, until_lines=9)
    yield run("watch w3", environment={"ETCDCTL_WATCH_KEY": "w3"})
    yield run("watch", environment={"ETCDCTL_WATCH_RANGE_END": "w3"})
    for line in ("watch", "watch a --", "watch a b --prefix", "watch --rev x a", "watch -w table w3 --rev {REV}", "watch w3 --rev 1",
                 "watch w3 --rev 1 -w json"):
        yield run(line)
    yield run("watch -i", stdin="watch w3 --rev {REV}\n", until_lines=9)
    yield run("watch -i", stdin="watch\nfoo\n\nwatch a b --prefix\n", until_lines=0)
    yield run("watch -i", stdin="watch w3 --rev\n")
    yield run("watch -i", stdin="watch w3 --\n")


def locks_and_elections():
    yield run("lock l1 -- sh -c 'echo $ETCD_LOCK_KEY'")
    yield run("lock l1 --ttl 5 -- sh -c 'exit 3'")
    yield run("lock l1 no-such-program-here")
    yield run("lock l1 -- sh -c 'kill -9 $$'")
    yield run("lock")
    yield run("lock l1 --ttl=x")
    yield run("lock l1", until_lines=2)
    yield run("get --prefix l1/")
    yield run("lock l1 -w json", until_lines=1)
    yield run("elect e1 me", until_lines=2)
    yield run("get --prefix e1/")
    yield run("elect e1 me -w fields", until_lines=12)
    for line in ("elect", "elect e1", "elect e1 me -l", "elect a b c"):
        yield run(line)
    yield run("put e1/1 first")
    yield run("elect e1 -l", until_lines=2)
    yield run("elect e1 -l -w json", until_lines=1)
    yield run("del e1/1")


def cluster():
    for line in ("member list", "endpoint status", "endpoint hashkv", "endpoint health", "alarm list"):
        yield from in_all_formats(line)
    yield run("member list --hex -w json")
    yield run("member list -w json", capture={"SELF": r'"member_id":(\d+)'})
    yield run("member list", capture={"ME": r"^(\w+),"})
    for line in (
        "member", "member add", "member add x", "member add x http://127.0.0.1:5", "member add x --peer-urls=nonsense", "member remove", "member remove zz",
        "member remove 1", "member update 1", "member update zz --peer-urls=http://127.0.0.1:5", "member update 1 --peer-urls=http://127.0.0.1:5",
        "member promote", "member promote 1", "member promote {ME}", "endpoint", "endpoint health --cluster", "endpoint status --cluster",
        "endpoint hashkv --cluster", "endpoint hashkv --rev 1", "endpoint hashkv --rev 100000", "alarm list a", "alarm disarm a", "alarm disarm", "alarm",
        "alarm disarm -w json", "defrag", "defrag --cluster", "snapshot", "snapshot save", "snapshot save a b", "snapshot save x --endpoints=a:1,b:2",
        "snapshot status", "snapshot status a b", "snapshot status /none", "snapshot status /none -w table", "snapshot restore", "snapshot restore a b", "move-leader", "move-leader x", "move-leader 1", "move-leader {ME}",
    ):
        yield run(line)
    yield run("member add x --peer-urls=http://127.0.0.1:5 --learner", capture={"M": r"Member +(\w+) added"})
    for line in ("member list", "member promote {M}", "member update {M} --peer-urls=http://127.0.0.1:5,http://127.0.0.1:6", "member list -w table",
                 "member list -w fields", "member remove {M}", "member remove {M}"):
        yield run(line)
    # The id of a new member is made of its URL and the second: not the same URL twice.
    for port, form in ((10, "json"), (20, "fields")):
        yield run(f"member add y --peer-urls=http://127.0.0.1:{port} --learner -w {form}")
        yield run("member list", capture={"Y": r"(?m)^(\w+), unstarted"})
        yield run(f"member update {{Y}} --peer-urls=http://127.0.0.1:{port + 1} -w {form}")
        yield run(f"member remove {{Y}} -w {form}")


def mirrors():
    for number in range(3):
        yield run(f"put m/{number} v{number}")
    yield run("make-mirror {endpoint} --prefix m/ --dest-prefix n/", until=("get --prefix n/ --keys-only", 6))
    yield run("get --prefix n/")
    yield run("make-mirror")
    yield run("make-mirror a b")
    yield run("make-mirror {endpoint} --dest-prefix a --no-dest-prefix")


def others():
    for line in ("version", "version -w json", "foo", "l", "gett a", "check", "check perf --load=huge", "check datascale --load=huge", "check perf --load"):
        yield run(line)
    for line in ("", "--help", "help", "help get", "get -h", "put --help", "lease --help", "lease grant -h", "--foo", "--version"):
        yield run(line)


PARTS = (key_value, transactions, compaction, leases, watches, locks_and_elections, cluster, mirrors, others)


def tour():
    return [step for part in PARTS for step in part()]
