#include "apps/troupectl/commands/added.hpp"

namespace troupe::ctl {

// As the table in command_table.cpp.
std::span<const command> added_commands() {
  static const std::vector<command> table{
    {"ls", "[options] [prefix]", "Lists what is below a prefix, with counts and sizes", ls,
     ls_flags,
     "ls\n"
     "ls /services/\n"
     "ls /services/ -o json",
     "Keys are divided at '/'. A name that ends in '/' stands for all keys below it; end the "
     "prefix\n"
     "with '/' to look inside. Sizes are those of keys and values."},
    {"tree", "[options] [prefix]", "Shows the levels below a prefix, with counts and sizes", tree,
     tree_flags,
     "tree\n"
     "tree /services/ --depth=2\n"
     "tree /services/ --width=0 -o json",
     "Keys are divided at '/'. What is deeper than --depth or beyond --width is only counted."},
    {"history",
     "<key>",
     "Shows all values of a key that are not compacted yet",
     history,
     {},
     "history greeting\n"
     "history greeting -o json",
     "Oldest first, deletions too. The first line may be older than the compacted revision: it is\n"
     "what the compaction left."},
    {"diff", "[options] <revision> [revision]", "Shows what differs between two revisions", diff,
     diff_flags,
     "diff 100 200\n"
     "diff 100 --prefix=/services/\n"
     "diff 100 200 --keys-only -o json",
     "'+' is a key of the second revision only, '-' of the first only, '~' one with another value "
     "or\n"
     "lease. Without a second revision: the newest. The exit code is 0 if nothing differs, 1 if\n"
     "something does, and 2 in trouble."},
    {"export", "[options] [prefix]", "Writes keys as lines of JSON", export_keys, export_flags,
     "export > all.jsonl\n"
     "export /services/ --rev=1000 > services.jsonl",
     "All as of one revision, in the order of the keys. Text is written as text, other bytes as\n"
     "{\"base64\":\"...\"}; with --base64 all bytes are. Leases come with the TTL that they were "
     "granted\n"
     "with."},
    {"import", "[options] [file]", "Puts the keys of an export", import_keys, import_flags,
     "import all.jsonl\n"
     "import --with-leases < all.jsonl\n"
     "import all.jsonl --from-line=5001",
     "Without a file: from standard input. Each line needs a \"key\"; it may have a \"value\", and "
     "a\n"
     "\"lease\" with its \"ttl\". When it has to stop, it says from which line to go on; a line "
     "that is\n"
     "imported twice does no harm. Without --with-leases keys are put without a lease."},
  };
  return table;
}

} // namespace troupe::ctl
