"""Includes point one way: apps -> actors -> storage -> messages; raft/core sees messages alone.

Also: no CAF in what must stay free of it, not even by a detour; RocksDB in storage only; Boost.Program_options in apps
only. Usage: arrows_test.py ROOT
"""

import pathlib
import re
import sys
import tempfile
import unittest

LAYERS = ["messages", "storage", "actors", "apps"]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
CORE = "actors/raft/core/"
CAF_IN_MESSAGES = "messages/type_ids."
ONLY_IN = {"rocksdb/": "storage/", "boost/program_options": "apps/"}


def includes(root):
    """{file: [(is_quoted, included path)]} of every source below the layers."""
    return {str(file.relative_to(root)): [(mark == '"', path) for mark, path in INCLUDE.findall(file.read_text())]
            for layer in LAYERS for file in sorted((root / layer).rglob("*")) if file.suffix in (".hpp", ".cpp", ".h")}


def must_not_see_caf(name):
    return name.startswith(("storage/", CORE)) or (name.startswith("messages/")
                                                   and not name.startswith(CAF_IN_MESSAGES))


def way_to_caf(name, graph, seen):
    """The chain of includes from `name` to CAF; empty if there is none."""
    seen.add(name)
    for _, path in graph.get(name, []):
        if path.startswith("caf/"):
            return [name, path]
        if path in graph and path not in seen:
            rest = way_to_caf(path, graph, seen)
            if rest:
                return [name, *rest]
    return []


def direct_violations(name, included):
    layer = name.split("/")[0]
    for is_quoted, path in included:
        target = path.split("/")[0]
        if is_quoted and target not in LAYERS:
            yield f'{name}: "{path}" is not written from the root of the tree'
        elif is_quoted and LAYERS.index(target) > LAYERS.index(layer):
            yield f"{name}: {layer} must not see {path}"
        elif is_quoted and name.startswith(CORE) and not path.startswith(("messages/", CORE)):
            yield f"{name}: raft/core must not see {path}"
        for library, home in ONLY_IN.items():
            if path.startswith(library) and not name.startswith(home):
                yield f"{name}: <{path}> belongs to {home} alone"


def violations(root):
    graph = includes(root)
    result = []
    for name, included in graph.items():
        result += direct_violations(name, included)
        way = way_to_caf(name, graph, set()) if must_not_see_caf(name) else []
        if way:
            result.append(f"{name}: CAF by way of {' -> '.join(way[1:])}")
    return result


class Arrows(unittest.TestCase):
    def test_this_tree(self):
        self.assertGreater(len(includes(ROOT)), 50, "the tree was not found")
        self.assertEqual(violations(ROOT), [])


class CanFail(unittest.TestCase):
    """Each rule, broken in a tree of its own."""

    def broken(self, **files):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for name, text in files.items():
                file = root / (name.replace("__", "/") + ".hpp")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text + "\n")
            return violations(root)

    def test_good_arrows(self):
        self.assertEqual(self.broken(apps__a='#include "actors/a.hpp"\n#include <boost/program_options.hpp>',
                                     actors__a='#include "storage/a.hpp"\n#include <caf/all.hpp>',
                                     storage__a='#include "messages/a.hpp"\n#include <rocksdb/db.h>',
                                     messages__type_ids='#include <caf/type_id.hpp>',
                                     messages__a="#include <vector>"), [])

    def test_against_the_arrows(self):
        self.assertEqual(self.broken(messages__a='#include "storage/a.hpp"'),
                         ["messages/a.hpp: messages must not see storage/a.hpp"])
        self.assertEqual(self.broken(storage__mvcc__a='# include "actors/a.hpp"'),
                         ["storage/mvcc/a.hpp: storage must not see actors/a.hpp"])
        self.assertEqual(self.broken(actors__a='  #include "apps/a.hpp"'),
                         ["actors/a.hpp: actors must not see apps/a.hpp"])

    def test_core_sees_messages_alone(self):
        self.assertEqual(len(self.broken(actors__raft__core__a='#include "storage/a.hpp"\n#include "actors/raft/b.hpp"'
                                                               '\n#include "actors/raft/core/c.hpp"')), 2)

    def test_caf(self):
        for name in ("storage__a", "messages__a", "actors__raft__core__a"):
            self.assertEqual(len(self.broken(**{name: "#include <caf/all.hpp>"})), 1, name)

    def test_caf_by_a_detour(self):
        self.assertEqual(self.broken(storage__a='#include "messages/type_ids.hpp"',
                                     messages__type_ids="#include <caf/type_id.hpp>"),
                         ["storage/a.hpp: CAF by way of messages/type_ids.hpp -> caf/type_id.hpp"])

    def test_libraries_stay_at_home(self):
        self.assertEqual(len(self.broken(actors__a='#include <rocksdb/db.h>')), 1)
        self.assertEqual(len(self.broken(actors__a='#include <boost/program_options.hpp>')), 1)
        self.assertEqual(len(self.broken(storage__a='#include <boost/program_options/cmdline.hpp>')), 1)

    def test_paths_start_at_the_root(self):
        self.assertEqual(len(self.broken(actors__a='#include "b.hpp"')), 1)


if __name__ == "__main__":
    ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
