"""What may differ between Debian's etcdctl 3.4 and a client that follows 3.6, and why.

First what no two runs share is masked. Then each class that applies rewrites the older output into the newer one, or both
into what they have in common; whatever is left must be equal, byte by byte.
"""

import dataclasses
import re


@dataclasses.dataclass
class Result:
    out: bytes
    err: bytes
    code: int
    seconds: float = dataclasses.field(default=0, compare=False)

    def changed(self, **parts):
        return dataclasses.replace(self, **parts)


MASKS = tuple((re.compile(pattern), replacement) for pattern, replacement in (
    (rb"(?<![\w.])(\d+h)?(\d+m)?\d+(\.\d+)?(ns|\xc2\xb5s|ms|s)(?=[\"\n]| \||\. \(|$)", b"TIME"),
    (rb"remaining\(\d+s\)", b"remaining(Ns)"),
    (rb'"ttl":\d\d+', b'"ttl":N'),
    (rb'"TTL" : \d\d+(?=\n"GrantedTTL")', b'"TTL" : N'),
    (rb"\b[0-9a-f]{13,16}\b", b"ID"),
    (rb"\b\d{17,20}\b", b"ID"),
    (rb"(Member|cluster) +(?=ID)", rb"\1 "),  # padded to 16 digits
    (rb'"key":"bDEv[\w+/=]+"', b'"key":"l1/ID"'),  # a key of `lock l1` in base64
    (rb"\x30[\x80-\xff]{8}[\x01-\x7f]", b"\x30LEASE"),  # in a KeyValue of Protobuf
    (rb'"(raftIndex|raftAppliedIndex|dbSize|dbSizeInUse|hash)":\d+', rb'"\1":N'),
    (rb'"(RaftIndex|RaftAppliedIndex|DBSize|DBSizeInUse|Hash)" : \d+', rb'"\1" : N'),
))


def masked(result):
    def mask(data):
        for pattern, replacement in MASKS:
            data = pattern.sub(replacement, data)
        # A table is as wide as its ids, sizes and times.
        return re.sub(rb" +", b" ", re.sub(rb"-{2,}", b"--", data)) if data.startswith(b"+-") else data

    return result.changed(out=mask(result.out), err=mask(result.err))


@dataclasses.dataclass
class Class:
    name: str
    reason: str
    rewrite: object  # (step, old, new) to (old, new)


def words(step):
    return [word for word in step.words if not word.startswith("-")][:2]


GROUPS = ("lease", "member", "endpoint", "alarm", "check")


def command(step):
    found = words(step)
    return " ".join(found if found[:1] and found[0] in GROUPS else found[:1])


def is_about(step, *command):
    return words(step)[:len(command)] == list(command)


def retry_warnings(step, old, new):
    return old.changed(err=re.sub(rb'\{"level":"warn".*?retrying of unary invoker failed.*?\}\n', b"", old.err)), new


def errors_twice(step, old, new):
    """The text, a line that cobra leaves empty for its own page of usage or has for advice, the text again."""
    found = re.match(rb"(?s)((Error: .*\n)(\n|Run '.* --help' for usage\.\n))\2\Z", old.err)
    if found:
        return old.changed(err=found[1]), new
    advice = b"Run 'etcdctl --help' for usage.\n"
    return old.changed(err=old.err[:old.err.index(advice) + len(advice)]) if advice in old.err else old, new


def pages_of_usage(step, old, new):
    def page(result):
        if not result.out.startswith(b"NAME:\n"):
            return result
        lines = [b" ".join(line.split()) for line in result.out.split(b"\n")]
        name = next((line for line in lines[1:] if line), b"")
        return result.changed(out=b"page of " + name.split(b" - ")[0])

    return page(old), page(new)


def no_revision_of_zero(step, old, new):
    return old.changed(out=old.out.replace(b'"Revision" : 0\n', b"")), new


def rows(data):
    lines = [line for line in data.decode(errors="replace").splitlines() if not line.startswith("+")]
    return [[cell.strip() for cell in (line.strip("|").split("|") if line.startswith("|") else line.split(", "))] for line in lines]


def status_columns(step, old, new):
    """endpoint, ID, version, is leader, is learner, raft term, errors; sizes and indexes differ from run to run."""
    if not is_about(step, "endpoint", "status"):
        return old, new
    form = format_of(step)
    if form in ("simple", "table"):
        pick = lambda result, wanted: result.changed(out=repr([[row[index] for index in wanted] for row in rows(result.out) if len(row) >= 10]).encode())
        return pick(old, (0, 1, 2, 4, 5, 6, 9)), pick(new, (0, 1, 2, 8, 9, 10, 13))
    if form == "json":
        extra = rb',"storageVersion":"[\d.]*"|,"dbSizeQuota":\d+|,"downgradeInfo":\{.*?\}'
        return old, new.changed(out=re.sub(extra, b"", new.out))
    if form == "fields":
        extra = rb'"(StorageVersion|DBSizeInUse|DBSizeQuota|DowngradeTargetVersion|DowngradeEnabled|IsLearner)" : .*\n'
        sort = lambda result: result.changed(out=b"\n".join(sorted(re.sub(extra, b"", result.out).split(b"\n"))))
        return sort(old), sort(new)
    return old, new


def hash_revision(step, old, new):
    if not is_about(step, "endpoint", "hashkv"):
        return old, new
    strip = lambda result: result.changed(out=repr([row[:1] for row in rows(result.out)]).encode())
    if format_of(step) in ("simple", "table"):
        return strip(old), strip(new)
    empty = old.changed(out=b"null\n") if old.out == b"[]\n" else old
    return empty, new.changed(out=re.sub(rb'"HashRevision" : \d+\n|,"hash_revision":\d+', b"", new.out))


def health_on_stdout(step, old, new):
    if is_about(step, "endpoint", "health") and b" is healthy: " in old.err:
        return old.changed(out=old.out + old.err, err=b""), new
    return old, new


def defrag_tells_time(step, old, new):
    if not is_about(step, "defrag"):
        return old, new
    return old, new.changed(out=re.sub(rb"(member\[.*\])\. took TIME", rb"\1", new.out), err=new.err.replace(b". took TIME. (", b" ("))


def names_in_txn_json(step, old, new):
    if not is_about(step, "txn"):
        return old, new
    snake = lambda match: b'"response_' + re.sub(rb"(?<!^)([A-Z])", rb"_\1", match[1]).lower() + b'":'
    return old.changed(out=re.sub(rb'"Response(Put|Range|DeleteRange|Txn)":', snake, old.out)), new


def versions(step, old, new):
    number = lambda result: result.changed(out=re.sub(rb"3\.[46](\.\d+)?", b"VERSION", result.out))
    return (number(old), number(new)) if is_about(step, "version") else (old, new)


def as_learner(step, old, new):
    return old, new.changed(out=new.out.replace(b" added as learner to", b" added to")) if is_about(step, "member", "add") else new


def shown_struct(step, old, new):
    return old, new.changed(err=re.sub(rb"raft_term:(\d+)  \{\} \[\] 0\}", rb"raft_term:\1 }", new.err))


def crashes(step, old, new):
    """Nothing to compare with, but that ours has an answer."""
    if b"\ngoroutine " not in old.err or new.err.startswith(b"panic") or new.code not in (0, 1, 3):
        return old, new
    return new, new


def range_warning(step, old, new):
    return old, new.changed(err=re.sub(rb"Warning: Keys between .* to avoid the delay\.\n", b"", new.err)) if is_about(step, "del") else new


def hidden_reason(step, old, new):
    hidden = {b"Error: elect: observer lost\n", b"Error: <nil>\n"}
    return old.changed(err=new.err) if old.err in hidden and new.err.startswith(b"Error: rpc error: ") else old, new


def order_of_members(step, old, new):
    if not is_about(step, "member"):
        return old, new
    parts = lambda result: result.changed(out=b"\n".join(sorted(re.split(rb'[\n,{}"\]\[]+', result.out))))
    return parts(old), parts(new)


def hexadecimal_ids(step, old, new):
    if "--hex" not in step.words:
        return old, new
    return old.changed(out=old.out.replace(b'Lease" : 0\n', b'Lease" : ID\n')), new.changed(out=new.out.replace(b':"ID"', b":ID"))


def usage_within_txn(step, old, new):
    return old.changed(err=re.sub(rb"(?s)Usage:\n.*(?=Error: )", b"", old.err)) if is_about(step, "txn") else old, new


def letters(step, old, new):
    return old.changed(err=old.err.replace(b"Error: Error reading", b"Error: error reading")), new


def code_of_program(step, old, new):
    return old.changed(code=new.code) if is_about(step, "lock") and re.fullmatch(rb"Error: (exit status|signal).*\n", old.err) else old, new


def environment_log(step, old, new):
    text = old.err
    conflict = re.fullmatch(rb'.* C \| pkg/flags: (conflicting environment variable .*)\n', text)
    if conflict:
        return old.changed(err=b"Error: " + conflict[1] + b"\n"), new
    warning = re.compile(rb".* W \| pkg/flags: unrecognized environment variable (.*)\n")
    return old.changed(err=warning.sub(
        rb'{"level":"warn","msg":"unrecognized environment variable","environment-variable":"\1"}' + b"\n", text)), new


def format_of(step):
    line = " ".join(step.words)
    found = re.search(r"-w[= ]?(\w+)", line)
    return found[1] if found else "simple"


def only_exit_code(step, old, new):
    if not step.loose or not (old.out or old.err) or not (new.out or new.err):
        return old, new
    return old.changed(out=new.out, err=new.err), new


CLASSES = (
    Class("crash of 3.4", "etcdctl 3.4 ends with a Go panic (nil header, unknown operator); 3.6 does too in places: ours says what is wrong",
          crashes),
    Class("retry warning", "clients before 3.6 log the retry layer on standard error (etcd-cli.md 5)", retry_warnings),
    Class("error twice", "3.4 prints what cobra has printed already (main.go of 3.6 does not)", errors_twice),
    Class("page of usage", "its flags and its margins are those of 3.6, and it has examples", pages_of_usage),
    Class("revision of zero", "the fields format leaves it out since 3.6 (etcd-cli.md 5)", no_revision_of_zero),
    Class("columns of status", "3.6 has six more (etcd-cli.md 6, endpoint status)", status_columns),
    Class("revision of hash", "3.6 shows it (etcd-cli.md 6, endpoint hashkv), and null where there is nothing", hash_revision),
    Class("health on stdout", "3.4 writes it to standard error (etcd-cli.md 6, endpoint health)", health_on_stdout),
    Class("time of defrag", "newer releases tell it (etcd-cli.md 6, defrag)", defrag_tells_time),
    Class("names in txn", "response_put since 3.5, ResponsePut before (json tags of rpc.pb.go)", names_in_txn_json),
    Class("version", "ours is that of 3.6", versions),
    Class("as learner", "said since 3.6 (etcd-cli.md 6, member add)", as_learner),
    Class("shown struct", "Go prints the generated struct, which has three more fields since 3.5", shown_struct),
    Class("warning of del", "a range is announced and waited for since 3.5, without --range", range_warning),
    Class("log of flags", "3.4 has a log format of its own", environment_log),
    Class("hexadecimal ids", "--hex shows ids so since 3.6 (etcd-cli.md 5)", hexadecimal_ids),
    Class("usage within txn", "3.x prints cobra's page for a wrong line of txn; ours only says what is wrong", usage_within_txn),
    Class("small letter", "the text of the error begins with one since 3.5", letters),
    Class("code of program", "lock ends with the code of the program since 3.5 (etcd-cli.md 6, lock)", code_of_program),
    Class("order of members", "they come by id, and the id of a new one is made of the time", order_of_members),
    Class("hidden reason", "3.x does not say why it cannot follow an election or a mirror; ours does", hidden_reason),
    Class("loose", "the step says why", only_exit_code),
)


def settle(step, old, new):
    """The names of the classes that it took to make both equal; None if they differ still, with what is left."""
    old, new = masked(old), masked(new)
    used = []
    for one in CLASSES:
        if old == new:
            break
        before = (old, new)
        old, new = one.rewrite(step, old, new)
        if (old, new) != before:
            used.append(one.name)
    return (used if old == new else None), old, new
