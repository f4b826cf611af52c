import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DragonflyError } from "../core/error.ts";
import { addMirror } from "./docker.ts";

const mirror = "http://127.0.0.1:65001";

const edits: readonly (readonly [name: string, before: string | undefined, after: string])[] = [
  ["no file", undefined, `{\n  "registry-mirrors": ["${mirror}"]\n}\n`],
  ["an empty file", "", `{\n  "registry-mirrors": ["${mirror}"]\n}\n`],
  ["an empty object", "{}", `{\n  "registry-mirrors": ["${mirror}"]\n}`],
  ["an empty object in two lines", "{\n}\n", `{\n  "registry-mirrors": ["${mirror}"]\n}\n`],
  ["one line", '{"debug": true}', `{"registry-mirrors": ["${mirror}"], "debug": true}`],
  [
    "tabs, and line ends of Windows",
    '{\r\n\t"debug": true\r\n}\r\n',
    `{\r\n\t"registry-mirrors": ["${mirror}"],\r\n\t"debug": true\r\n}\r\n`,
  ],
  [
    "other mirrors in one line",
    '{\n  "registry-mirrors": ["https://a.example"],\n  "debug": true\n}',
    `{\n  "registry-mirrors": ["${mirror}", "https://a.example"],\n  "debug": true\n}`,
  ],
  [
    "other mirrors in lines of their own",
    '{\n    "registry-mirrors": [\n        "https://a.example",\n        "https://b.example"\n    ]\n}\n',
    `{\n    "registry-mirrors": [\n        "${mirror}",\n        "https://a.example",\n        "https://b.example"\n    ]\n}\n`,
  ],
  ["no mirrors in the list", '{"registry-mirrors":[ ]}', `{"registry-mirrors":["${mirror}"]}`],
  [
    "the same name deeper, in a text and with escapes",
    '{"x": {"registry-mirrors": 1}, "y": "registry-mirrors\\": [", "registry\\u002dmirrors": ["https://a"]}',
    `{"x": {"registry-mirrors": 1}, "y": "registry-mirrors\\": [", "registry\\u002dmirrors": ["${mirror}", "https://a"]}`,
  ],
];

for (const [name, before, after] of edits) {
  test(`the mirror comes first in daemon.json: ${name}`, () => {
    assert.equal(addMirror(before, mirror), after);
    assert.equal(addMirror(after, mirror), after, "a second time");
  });
}

test("a mirror that is there keeps its spelling", () => {
  const text = `{"registry-mirrors": ["${mirror}/", "https://a.example"]}`;
  assert.equal(addMirror(text, mirror), text);
});

const refusals: readonly (readonly [text: string, why: RegExp])[] = [
  ['{"debug": true,}', /daemon\.json is not valid JSON, mend it first: /],
  ["// comment\n{}", /not valid JSON/],
  ["\ufeff{}", /not valid JSON/],
  ["[]", /not one JSON object/],
  ['{"registry-mirrors": "https://a"}', /not a list of texts/],
  ['{"registry-mirrors": [1]}', /not a list of texts/],
  ['{"registry-mirrors": [], "registry-mirrors": []}', /twice/],
  [`{"registry-mirrors": ["https://a", "${mirror}"]}`, /not the first: move it to the front/],
];

for (const [text, why] of refusals) {
  test(`daemon.json is refused in one line: ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => addMirror(text, mirror),
      (error) => error instanceof DragonflyError && error.code === "bad-config" && why.test(error.message),
    );
  });
}

test("whatever the file holds, only the mirror is added to it", () => {
  const settings = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true });
  const others = fc.option(fc.array(fc.webUrl()), { nil: undefined });
  const spaces = fc.constantFrom("", "  ", "\t", "    ");
  fc.assert(
    fc.property(settings, others, spaces, fc.boolean(), (rest, mirrors, space, windows) => {
      const value = mirrors === undefined ? rest : { ...rest, "registry-mirrors": mirrors };
      const plain = JSON.stringify(value, null, space);
      const before = windows ? plain.replaceAll("\n", "\r\n") : plain;
      const after = addMirror(before, mirror);
      assert.deepEqual(JSON.parse(after), { ...JSON.parse(before), "registry-mirrors": [mirror, ...(mirrors ?? [])] });
      assert.equal(addMirror(after, mirror), after);
      const [head, tail] = [commonHead(before, after), commonHead(reversed(before), reversed(after))];
      if (plain !== "{}") assert.ok(head + tail >= before.length, "everything else keeps its bytes");
    }),
  );
});

function commonHead(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}

function reversed(text: string): string {
  return text.split("").reverse().join("");
}
