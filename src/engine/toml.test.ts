import assert from "node:assert/strict";
import { test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import { aboveComment, scanToml, tomlString } from "./toml.ts";

const text = `# head
version = 2 # two
"quoted key".'literal' = """
[not a table]
"""

[a."b.c".d]
  list = [ # comment ]
    "x]", 'y"',
    { z = [1, 2] },
  ]
  when = 1979-05-27 07:32:00Z
[[e]] # comment
last = 'C:\\path'`;

test("a TOML file is a list of statements, with places", () => {
  const shown = scanToml("f", text).map(({ kind, path, value }) => `${kind} ${path.join("|")} ${value.split("\n")[0]}`);
  assert.deepEqual(shown, [
    "entry version 2",
    'entry quoted key|literal """',
    "table a|b.c|d ",
    "entry a|b.c|d|list [ # comment ]",
    "entry a|b.c|d|when 1979-05-27 07:32:00Z",
    "array e ",
    "entry e|last 'C:\\path'",
  ]);
});

test("statements and what is between them are the whole file", () => {
  for (const ends of ["\n", "\r\n"]) {
    const written = text.replaceAll("\n", ends);
    let at = 0;
    for (const { start, end, value, valueStart } of scanToml("f", written)) {
      assert.match(written.slice(at, start), /^(?:\s*(?:#.*)?)*$/);
      assert.equal(written.slice(valueStart, valueStart + value.length), value);
      at = end;
    }
    assert.equal(at, written.length);
  }
});

test("files of comments and spaces hold no statement", () => {
  for (const empty of ["", "\n", "  ", "# a", "# a\r\n \r\n#b", "\t\n\n"]) assert.deepEqual(scanToml("f", empty), []);
});

const faults: readonly (readonly [text: string, message: RegExp])[] = [
  ["a = 1\nb", /^f:2: a key without a value; mend it first/],
  ["a =", /^f:1: a key without a value/],
  ["a = b", /none of TOML's/],
  ["a = 1 2 3", /none of TOML's/],
  ['a = "x', /^f:1: a string is not closed/],
  ['a = """x', /a string is not closed/],
  ["a = [1,\n2", /^f:2: a \[ is not closed/],
  ["a = [1}", /a } too many/],
  ["a = {\nb = 1 }", /a line ends inside of/],
  ["[a", /a table's name is not closed/],
  ["[[a]", /a table's name is not closed/],
  ["[a] b = 1", /more on the line/],
  ["[]", /neither a key nor a table/],
  ["- yaml: 1", /a key without a value|neither a key/],
  ['{"json": 1}', /neither a key nor a table/],
  ["\ufeffa = 1", /neither a key nor a table/],
  [`a = ${"[".repeat(100)}`, /nested too deeply/],
];

for (const [wrong, message] of faults) {
  test(`what is no TOML is refused with its line: ${JSON.stringify(wrong).slice(0, 40)}`, () => {
    assert.throws(
      () => scanToml("f", wrong),
      (error) => error instanceof DragonflyError && error.code === "bad-config" && message.test(error.message),
    );
  });
}

test("plain strings are read, others are not", () => {
  assert.equal(tomlString('"a\\tb\\u00e9"'), "a\tbé");
  assert.equal(tomlString("'C:\\x'"), "C:\\x");
  for (const other of ["1", '"""a"""', "['a']", '"\\U0001F600"', '"a" + "b"'])
    assert.equal(tomlString(other), undefined);
});

test("a comment right above a statement belongs to it", () => {
  const commented = "a = 1\n\n# one\n  # two\n[b]\n";
  const [, table] = scanToml("f", commented);
  assert.ok(table !== undefined);
  assert.equal(commented.slice(aboveComment(commented, table)), "# one\n  # two\n[b]\n");
});
