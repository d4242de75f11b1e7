import { test } from 'tap'
import { parse } from 'yaml'
import { evaluate, quoted } from './testing/evaluate.ts'

/** Documents that mean the same to us as to the reader of the project's own config. */
const documents: readonly string[] = [
  '',
  '# nothing\n',
  'text',
  'a: 1',
  'a: 1\nb: two\nc: 3.5\nd: true\ne: null\nf: ~\ng:\nh: -0x1',
  'a: 0x1f\nb: 0o17\nc: 1e3\nd: .5\ne: +1\nf: 1.\ng: 010\nh: 1_000\ni: 0xg',
  'yes: no\non: off\ntrue: TRUE',
  '- a\n- b\n-\n- c',
  '- - a\n  - b\n- - c',
  '- a: 1\n  b: 2\n- c: 3',
  'list:\n- a\n- b\nafter: c',
  'list:\n  - a\n  - b: 1\n    c: 2\nafter:\n    deep:\n        deeper: x',
  'a:\n  b:\n    c: 1\n  d: 2\ne: 3',
  '"quoted key": 1\n\'single\': 2\n"with: colon": 3',
  'a: "x\\ty\\n\\u00e9\\x41\\U0001F600 \\\\ \\" \\/ end"',
  "a: 'it''s'\nb: 'x: y # z'",
  'a: "one\n  two\n\n  three"\nb: \'one\n  two\n\n\n  three\'',
  'a: "one \\\n  two"\nb: "three\\\n    \\ four"',
  'a: one\n  two\n  three\nb: x\n\n  y',
  'one\ntwo\n\nthree',
  'a: x # comment\nb: y#no comment\n# whole line\nc: "z" # after',
  'url: http://a.b/c?d=e&f#g\ntime: 12:30:45\nwindows: C:\\x',
  'a: |\n  line 1\n    line 2\n\n  line 3\nb: 1',
  'a: |-\n  no end\nb: |+\n  keeps\n\n\nc: >-\n  folded\n  text\n\n  next\n',
  'a: >\n  folded\n  text\n    indented\n    more\n  back\n\n\n  far\nb: x',
  'a: |2\n    two more\n   one more\nb: >1\n  x\n',
  '- |\n literal\n- >\n folded\n lines\n',
  'a: |\n\n  after a blank line\n',
  'a: |\nb: >-\nc: x',
  '[a, b, [c, d], {e: f}]',
  '{a: 1, b: [x, y], "c": {d: e}, f, g: }',
  'a: [1,2,\n  3, # comment\n  4,\n]\nb: {\n  x: 1,\n  y: 2\n}',
  'a: [x: 1, y]\nb: [ "q", \'s\', plain text ]\nc: {"a":1,"b":"c"}',
  'a: []\nb: {}\nc: [ ]\nd: [[]]',
  'a: &x {b: 1}\nc: *x\nd: &y text\ne: *y\nf: &z\n  g: 2\nh: *z\ni: &l\n- 1\nj: *l',
  '&a key: &b value\nother: *b\nthird: *a',
  '- &a x\n- *a\n- [*a, *a]\n- {k: *a}',
  'a: !!str 1\nb: !!int "2"\nc: !!float 3\nd: !!bool "true"\ne: !!null ""\nf: ! 4\ng: !!map {x: 1}\nh: !!seq [1]',
  '---\na: 1\n',
  '%YAML 1.2\n---\na: 1\n...\n',
  '--- text\n',
  '--- |\n  block\n',
  'a: b:c',
  'a:   spaced   \nb  : x',
  'a: -1\nb: -x\nc: --- x\nd: ?x\ne: :x',
  'key with spaces: value with spaces',
  '\ufeffa: 1',
  'a:\r\n  - b\r\n  - c\r\nd: |\r\n  e\r\n',
  '"a"',
  "'a'",
  '- "a"\n- \'b\'',
  'a: "x"   \n\nb: 1',
  'é: ü\n日本: 語',
  'a: "tab\there"\nb:\tx',
  '__proto__: 1\nconstructor: 2\ntoString: 3',
  'a:\n  __proto__:\n    polluted: true',
  '-\n  a: 1\n-\n  - 2\n',
  'a:\n  # comment\n  b: 1\n\n  # another\n\n  c: 2',
  'a: 1\n\n\n',
  'a: .nan\nb: -.INF',
  'deep: {a: {b: {c: [1, {d: [2]}]}}}',
]

test('YAML means in a plugin what it means in our config', (t) => {
  const results = evaluate(documents.map((document) => `YAML.parse(${quoted(document)})`))
  documents.forEach((document, at) => {
    const expected: unknown = parse(document, { logLevel: 'silent' })
    t.same(results[at], JSON.parse(JSON.stringify(expected)), quoted(document))
  })
  t.end()
})

test('What is no YAML, or more than we read, is refused with line and column', (t) => {
  const wrong: Record<string, RegExp> = {
    'a: 1\n a: 2': /line 2, column 3: this does not belong to what stands before it/,
    'a: "1"\n  b: 2': /line 2, column 3: this is indented further than what it belongs to/,
    'a: 1\na: 2': /line 2, .*the key "a" is there twice/,
    'a: b: c': /line 1, column 4: a mapping begins in a line of its own; a text with ": " needs quotes/,
    'a: "x': /line 1, column 4: the quote is not closed/,
    'a: [1, 2': /\] is missing/,
    'a: {x: 1': /\} is missing/,
    'a: [1 {}]': /here would be a comma or \]/,
    'a: [,]': /a value is missing before the comma/,
    '\ta: 1': /line 1, column 1: tabs cannot indent, only spaces/,
    'a:\n\tb: 1': /line 2, column 1: tabs cannot indent/,
    'a: *x': /there is no anchor for \*x/,
    'a: !mine x': /there is no tag !mine/,
    'a: @x': /a text that begins like this needs quotes/,
    'a: %x': /needs quotes/,
    '? a\n: b': /keys have no question mark here/,
    '{[a]: b}': /keys are scalars here/,
    'a: 1\n---\nb: 2': /line 2, column 1: there is more than one document/,
    'a: "\\q"': /there is no escape \\q/,
    'a: "\\x4"': /there is no escape \\x?4/,
    'a: |x\n  y': /after \| or > may stand a digit/,
    'a\nb: c': /does not belong|here would be/,
    '- a\nb': /line 2, column 1/,
    'a: - b\n  - c: d': /line/,
  }
  const results = evaluate(Object.keys(wrong).map((document) => `YAML.parse(${quoted(document)})`))
  Object.entries(wrong).forEach(([document, expected], at) => {
    const { throws } = (results[at] ?? {}) as { throws?: string }
    t.match(throws ?? `no error but ${JSON.stringify(results[at])}`, expected, quoted(document))
    t.match(throws, /^YAML: line \d+, column \d+: /, quoted(document))
  })
  t.end()
})

test('What YAML writes, it reads again', (t) => {
  const values: readonly unknown[] = [
    1,
    'text',
    null,
    [],
    {},
    { a: 1, b: [1, 'two', null, true, { c: [] }], d: { e: { f: 'g' } } },
    [[1, [2]], {}, [{}]],
    [
      'yes',
      'true',
      'null',
      '~',
      '1',
      '0x1',
      '1e3',
      '.5',
      '',
      ' x',
      'x ',
      '- a',
      'a: b',
      'a #b',
      '#',
      '"',
      "'",
    ],
    ['[a', '{b', '*c', '&d', '!e', '|', '>', '%', '@', '`', '?', ': x', 'a\nb', 'tab\t', '\u0000', 'é'],
    { '': 1, 'a: b': 2, '- x': 3, true: 4, '1': 5, '#': 6 },
  ]
  const json = values.map((value) => JSON.stringify(value))
  const texts = evaluate(json.map((value) => `YAML.stringify(${value})`)) as string[]
  const back = evaluate(texts.map((text) => `YAML.parse(${quoted(text)})`))
  t.same(back, values)
  values.forEach((value, at) => {
    t.same(parse(texts[at] as string), value, String(texts[at]))
  })
  t.same(
    evaluate([
      `YAML.encode({ a: 1 }).toString()`,
      `YAML.decode(new Data('a: [1]'))`,
      `YAML.decode(null)`,
      `typeof YAML.stringify(undefined)`,
      `YAML.parse('a: 1', (key, value) => key === 'a' ? value + 1 : value)`,
      `YAML.stringify({ a: 1, b: 2 }, (key, value) => key === 'b' ? undefined : value)`,
      `Object.keys(YAML.parse('__proto__: 1')).join() + ({}).polluted`,
    ]),
    ['a: 1\n', { a: [1] }, null, 'undefined', { a: 2 }, 'a: 1\n', '__proto__undefined'],
  )
  t.end()
})

test('Documents that are made to hurt cost their plugin its own time, and no stack', (t) => {
  const nasty = [
    `'['.repeat(20000)`,
    `'- '.repeat(20000)`,
    `'{a: '.repeat(20000)`,
    `Array.from({ length: 300 }, (_, n) => ' '.repeat(n) + 'a:').join('\\n')`,
  ]
  for (const result of evaluate(nasty.map((text) => `YAML.parse(${text})`))) {
    t.match(result, { throws: /it is nested more than 24 deep/ })
  }
  t.same(
    evaluate([
      `JSON.stringify(YAML.parse('['.repeat(24) + ']'.repeat(24))).length`,
      `JSON.stringify(YAML.parse(Array.from({ length: 24 }, (_, n) => ' '.repeat(n) + 'a:').join('\\n'))).length`,
      `YAML.parse('a: ' + 'x '.repeat(5000)).a.length`,
      `YAML.parse('a: "' + '\\\\x41'.repeat(1000) + '"').a.length`,
      `YAML.parse('a: &a [1]\\n' + 'b: [' + '*a, '.repeat(1000) + ']').b.length`,
      `YAML.parse(Array.from({ length: 500 }, (_, n) => 'key' + n + ': value').join('\\n')).key499`,
    ]),
    [48, 24 * '{"a":}'.length + 'null'.length, 9_999, 1_000, 1_000, 'value'],
  )
  t.end()
})
