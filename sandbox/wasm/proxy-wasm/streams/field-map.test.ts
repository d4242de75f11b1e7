import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import { testRequest, testResponse } from '../../../../chains/policy/testing.ts'
import { status } from '../../contract.ts'
import { FieldMap, noLineFields } from './field-map.ts'
import { requestLine, responseLine } from './line-fields.ts'

const { ok, badArgument } = status

function requestMap(fields: readonly string[] = [], body: Body | null = null) {
  const headers = new HeaderList(['Host', 'shop.example', ...fields])
  const request = testRequest({ path: '/a?b=c', headers, body })
  return { request, map: new FieldMap(request.headers, requestLine(request)) }
}

test('names are found in any case, the first line first, and Host as the authority', (t) => {
  const { map } = requestMap(['Connection-Type', 'A'], Body.of('four'))
  t.strictSame([map.get('connection-type'), map.get('CONNECTION-TYPE')], ['A', 'A'])
  t.equal(map.get('host'), 'shop.example')
  const line = [':authority', 'shop.example', ':method', 'GET', ':path', '/a?b=c', ':scheme', 'http']
  t.strictSame(map.pairs(), [...line, 'content-length', '4', 'connection-type', 'A'])
  t.equal(map.size, 6)
  t.end()
})

test('repeats are kept by adding, made one by replacing, and all gone by removing', (t) => {
  const { map, request } = requestMap(['x-a', '1', 'X-A', '2'])
  t.equal(map.get('x-a'), '1')
  map.add('X-A', '3')
  t.strictSame(request.headers.getAll('x-a'), ['1', '2', '3'])
  map.replace('x-a', '9')
  t.strictSame(request.headers.getAll('x-a'), ['9'])
  t.strictSame([map.remove('x-a'), map.remove('x-a'), request.headers.has('x-a')], [ok, ok, false])
  t.end()
})

test('the first line is edited as fields, and never without a part of it', (t) => {
  const { map, request } = requestMap()
  const edits = [':method', 'PUT', ':path', '/other', ':authority', 'else.example'] as const
  for (let at = 0; at < edits.length; at += 2) {
    t.equal(map.replace(edits[at] as string, edits[at + 1] as string), ok)
  }
  t.strictSame([request.method, request.path, request.headers.get('host')], ['PUT', '/other', 'else.example'])
  for (const [name, value] of [
    [':method', 'A B'],
    [':path', '/a b'],
    [':path', ''],
    [':path', 'http://else.example/'],
    [':path', '/a#b'],
    [':path', '/\u00e9'],
    [':path', '*'],
    [':method', 'CONNECT'],
    [':scheme', 'ftp'],
    [':none', 'x'],
    ['host', 'a\nb'],
  ] as const) {
    t.equal(map.replace(name, value), badArgument, name)
  }
  for (const name of [':method', ':path', ':authority', 'host']) t.equal(map.remove(name), badArgument, name)
  const response = testResponse(200)
  const answer = new FieldMap(response.headers, responseLine(response))
  t.strictSame([answer.replace(':status', '404'), response.status], [ok, 404])
  for (const value of ['101', '1000', 'x']) t.equal(answer.replace(':status', value), badArgument, value)
  t.end()
})

test('nothing that frames a message or cannot be sent gets into it', (t) => {
  const { map, request } = requestMap([], Body.of('four'))
  for (const name of ['Transfer-Encoding', 'connection', 'upgrade', 'te']) {
    t.strictSame([map.add(name, 'x'), map.replace(name, 'x')], [ok, ok], name)
    t.equal(map.get(name), undefined, `${name} is left out`)
  }
  for (const name of ['a b', '']) {
    t.strictSame([map.add(name, 'x'), map.replace(name, 'x')], [badArgument, badArgument], name)
  }
  t.equal(map.add('x', 'a\r\nb: c'), badArgument)
  t.strictSame([map.replace('content-length', '9'), map.get('content-length')], [ok, '9'])
  t.strictSame([map.remove('content-length'), map.get('content-length')], [ok, undefined])
  t.strictSame(request.headers.fields, ['Host', 'shop.example'])
  const trailers = new FieldMap(new HeaderList(['X-T', '1']), noLineFields)
  t.strictSame(
    [trailers.add(':status', '200'), trailers.add('host', 'a'), trailers.add('x', 'y')],
    [badArgument, badArgument, ok],
  )
  t.end()
})

test('a whole map takes the place of another, if it is one', (t) => {
  const { map, request } = requestMap(['x-old', '1', 'X-Other', '2'])
  const line = [':method', 'POST', ':path', '/', ':authority', 'new.example', ':scheme', 'http']
  t.equal(map.set([...line, 'x-only', 'a', 'connection', 'close']), ok)
  t.strictSame(request.headers.fields, ['Host', 'new.example', 'x-only', 'a'])
  t.equal(request.method, 'POST')
  t.equal(map.set([':method', 'GET', 'x', 'y']), badArgument, 'it has no path')
  t.equal(map.set([...line, 'a b', 'c']), badArgument)
  t.strictSame(request.headers.fields, ['Host', 'new.example', 'x-only', 'a'])
  t.end()
})

test('what a guest adds to the fields of a message has a bound, in characters and in number', (t) => {
  const long = new FieldMap(new HeaderList(), noLineFields)
  const value = 'v'.repeat(60_000)
  const answers = Array.from({ length: 20 }, () => long.add('x-long', value))
  t.strictSame(answers.slice(0, 17), Array(17).fill(status.ok))
  t.strictSame(answers.slice(17), Array(3).fill(status.badArgument))
  const many = new FieldMap(new HeaderList(), noLineFields)
  for (let at = 0; at < 1_024; at += 1) t.equal(many.add('x', ''), status.ok)
  t.equal(many.add('x', ''), status.badArgument)
  t.end()
})
