import { test } from 'tap'
import { evaluate, quoted } from './testing/evaluate.ts'

test('XML is read as elements with attributes and texts', (t) => {
  const documents: Record<string, unknown> = {
    '<a/>': { name: 'a', attributes: null, children: [] },
    '<?xml version="1.0" encoding="UTF-8"?>\n<a>text</a>\n': {
      name: 'a',
      attributes: null,
      children: ['text'],
    },
    '<a b="1" c=\'two "2"\' d = "&lt;&#65;&#x42;&amp;">x</a>': {
      name: 'a',
      attributes: { b: '1', c: 'two "2"', d: '<AB&' },
      children: ['x'],
    },
    '<a>\n  <b>one</b>\n  two\n  <c/>\n</a>': {
      name: 'a',
      attributes: null,
      children: [
        { name: 'b', attributes: null, children: ['one'] },
        '\n  two\n  ',
        { name: 'c', attributes: null, children: [] },
      ],
    },
    '<a>x<!-- no -->y<![CDATA[<z> & ]]]>&gt;<?skip this?></a>': {
      name: 'a',
      attributes: null,
      children: ['xy<z> & ]>'],
    },
    '<ns:a xmlns:ns="urn:x"><ns:b-1.2 _y="ü"/></ns:a>': {
      name: 'ns:a',
      attributes: { 'xmlns:ns': 'urn:x' },
      children: [{ name: 'ns:b-1.2', attributes: { _y: 'ü' }, children: [] }],
    },
    '<a __proto__="x"/>': {
      name: 'a',
      attributes: JSON.parse('{"__proto__":"x"}'),
      children: [],
    },
  }
  const results = evaluate(Object.keys(documents).map((text) => `XML.parse(${quoted(text)})`))
  Object.entries(documents).forEach(([text, root], at) => {
    t.same(results[at], { name: '', attributes: {}, children: [root] }, text)
  })
  t.end()
})

test('What is no XML, declares a document type, or has an entity of its own is null', (t) => {
  const wrong = [
    '',
    'text',
    '<a>',
    '</a>',
    '<a></b>',
    '<a></a></a>',
    '<a/><b/>',
    '<a/>text',
    'text<a/>',
    '<a b=1/>',
    '<a b="1" b="2"/>',
    '<a b="<"/>',
    '<a>&unknown;</a>',
    '<a>&#0;</a>',
    '<a>&#xD800;</a>',
    '<a>&amp</a>',
    '<a>a & b</a>',
    '<a>]]></a>',
    '<a><!-- a -- b --></a>',
    '<a><!-- </a>',
    '<a><![CDATA[x</a>',
    '<1a/>',
    '< a/>',
    '<a b/>',
    '<!DOCTYPE a><a/>',
    '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    '<a/><?xml version="1.0"?>',
    '<a>'.repeat(300) + '</a>'.repeat(300),
  ]
  t.same(
    evaluate(wrong.map((text) => `XML.parse(${quoted(text)})`)),
    wrong.map(() => null),
  )
  t.end()
})

test('Elements are written so that what texts say stays text', (t) => {
  t.same(
    evaluate([
      `XML.stringify(new XML.Node('', null, [new XML.Node('a', { b: '"<&>' }, ['x < y & z'])]))`,
      `XML.stringify(new XML.Node('', {}, [new XML.Node('a')]))`,
      `XML.stringify(XML.parse('<a><b>1</b>two<c/></a>'), 2)`,
      `XML.encode(XML.parse('<a><b>1</b></a>')).toString()`,
      `XML.decode(new Data('<a>1</a>')).children[0].children[0]`,
      `XML.stringify(new XML.Node('', {}, []))`,
      `XML.stringify(null)`,
      `XML.encode(null)`,
      `XML.decode(null)`,
      `XML.decode(new Data([0x3c, 0x61, 0xff]))`,
      `XML.stringify(new XML.Node('', {}, [new XML.Node('a><b', {}, [])]))`,
      `XML.stringify(new XML.Node('', {}, [new XML.Node('a', { 'x y': 1 }, [])]))`,
      `(() => {
        let node = new XML.Node('a')
        for (let depth = 0; depth < 50; depth++) node = new XML.Node('a', null, [node])
        return XML.stringify(new XML.Node('', null, [node]))
      })()`,
    ]),
    [
      '<?xml version="1.0" encoding="UTF-8"?><a b="&quot;&lt;&amp;&gt;">x &lt; y &amp; z</a>',
      '<?xml version="1.0" encoding="UTF-8"?><a/>',
      '<?xml version="1.0" encoding="UTF-8"?>\n<a>\n  <b>1</b>\n  two\n  <c/>\n</a>\n',
      '<?xml version="1.0" encoding="UTF-8"?><a><b>1</b></a>',
      '1',
      '',
      '',
      null,
      null,
      { throws: 'what XML.decode() takes must be text in UTF-8, and these bytes are none' },
      { throws: 'XML: "a><b" is no name' },
      { throws: 'XML: "x y" is no name' },
      { throws: 'XML: elements are nested more than 32 deep' },
    ],
  )
  t.end()
})
