import { test } from 'tap'
import { PluginFault } from '../../plugin/contract.ts'
import { type GuestOptions, loadGuest } from './testing/guest.ts'

/** The fault that a script is refused with. */
function faultOf(source: string, options: GuestOptions = {}): string {
  try {
    loadGuest(source, options)[Symbol.dispose]()
  } catch (thrown) {
    if (thrown instanceof PluginFault) return thrown.message
    throw thrown
  }
  return 'none'
}

/** Kinds and places of the filters of the entrance. */
function filtersOf(source: string): string[] {
  using guest = loadGuest(source)
  const { entrance, pipelines } = guest.session.plan
  const filters = pipelines[entrance ?? -1]?.filters ?? []
  return filters.map(({ kind, place }) => `${kind} ${place.line}:${place.column}`)
}

test('a script becomes a plan with the places of its filters', async (t) => {
  t.strictSame(filtersOf('pipy().pipeline().dummy().chain()'), ['dummy 1:19', 'chain 1:27'])
  t.strictSame(filtersOf('((x = 1) => pipy()\n  .pipeline()\n  .dummy()\n)()\n'), ['dummy 3:4'])
})

test('functions, events and plain data are told apart in arguments', async (t) => {
  using guest = loadGuest(`pipy().pipeline()
    .muxHTTP(() => 1, { maxIdle: 5, version: () => 2 }).to($ => $.connect('a:1', { idleTimeout: 3 }))
    .replaceMessageStart(new StreamEnd('Replay'))
    .replaceMessage([new MessageStart, new MessageEnd])
    .handleMessage(() => {}, undefined)
    .fork([1, 'two'])`)
  const filters = guest.session.plan.pipelines[0]?.filters ?? []
  t.strictSame(
    filters.map(({ args }) =>
      args.map((argument) => (argument.type === 'json' ? argument.value : argument.type)),
    ),
    [['fn', { maxIdle: 5, version: { $fn: 1 } }], ['events'], ['events'], ['fn'], [[1, 'two']]],
  )
  t.strictSame(filters[0]?.layouts, [{ pipeline: 1 }])
  t.strictSame(guest.session.plan.pipelines[1]?.filters[0]?.args[1], {
    type: 'json',
    value: { idleTimeout: 3 },
  })
})

test('names of pipelines are found, also those that come first as of old', async (t) => {
  using guest = loadGuest(`pipy()
    .pipeline().demuxHTTP('one', { bufferSize: 1 }).fork('two', [1]).link('two').branch(() => 1, 'one', $ => $)
    .pipeline('one').dummy()
    .pipeline('two').dummy()`)
  const [entrance] = guest.session.plan.pipelines
  const { pipelines } = guest.session.plan
  const names = entrance?.filters.map(({ layouts }) =>
    layouts.map((layout) => ('pipeline' in layout ? pipelines[layout.pipeline]?.name : layout)),
  )
  t.strictSame(names, [['one'], ['two'], ['two'], ['one', null]])
  t.strictSame(entrance?.filters[0]?.args, [{ type: 'json', value: { bufferSize: 1 } }])
})

test('a branch of constants is decided while the script is loaded', async (t) => {
  const source = (condition: string) =>
    `pipy().pipeline().branch(${condition}, $ => $.dummy(), true, $ => $.print().tee('-')).chain()`
  const kinds = (condition: string) => filtersOf(source(condition)).map((filter) => filter.split(' ')[0])
  t.strictSame(kinds('1 > 2'), ['print', 'tee', 'chain'])
  t.strictSame(kinds('2 > 1'), ['dummy', 'chain'])
  t.match(faultOf('pipy().pipeline().branch(1, $ => $, $ => $)'), 'takes no default')
})

test('onStart and onEnd belong to their pipelines', async (t) => {
  using guest = loadGuest(`pipy()
    .pipeline().onStart(() => new Data).onEnd(() => {}).fork().to($ => $.onStart(new Data('x')).dummy())`)
  const [entrance, branch] = guest.session.plan.pipelines
  t.equal(entrance?.onStart?.type, 'fn')
  t.equal(entrance?.onEnd?.type, 'fn')
  t.equal(branch?.onStart?.type, 'events')
})

test('a fault of syntax has the line and column of its author’s file', async (t) => {
  t.equal(
    faultOf('pipy()\n  .pipeline(}', { spec: { origin: 'plugins.yaml', lineOffset: 10, columnOffset: 4 } }),
    "plugins.yaml:12:17: plugin tested: SyntaxError: unexpected token in expression: '}'",
  )
  t.match(faultOf('pipy( 5 6 )'), /^tested\.js:1:9: /)
})

test('a script that throws while it is loaded is refused, with the place', async (t) => {
  t.equal(
    faultOf('\n((config) => pipy().pipeline().dummy(config.x))()', { spec: { lineOffset: 2 } }),
    "tested.js:4:44: plugin tested: TypeError: cannot read property 'x' of undefined",
  )
})

test('filters that there are not, or that a plugin cannot have, are refused by name', async (t) => {
  t.match(faultOf('pipy()\n.pipeline()\n.handleMesageStart(() => {})'), 'tested.js:3:')
  t.match(faultOf('pipy().pipeline().handleMesageStart(() => {})'), 'there is no filter handleMesageStart()')
  t.match(faultOf('pipy().pipeline().muxHttp()'), 'did you mean muxHTTP()?')
  t.match(
    faultOf('pipy().listen(8080)'),
    'listen() cannot be used in a plugin: a plugin is mounted on a chain',
  )
  t.match(faultOf('pipy().pipeline().exec("ls")'), 'exec() cannot be used in a plugin')
  t.match(faultOf('pipy().pipeline().merge(() => 1)'), 'not in Pipy any more')
  t.match(faultOf('pipy().pipeline().fork().to($ => $.pipeline())'), 'belongs to the script as a whole')
})

test('what Pipy calls an error in a configuration is one', async (t) => {
  const faults = {
    'pipy().dummy()': 'dummy() must come after pipeline()',
    'pipy().pipeline().pipeline()': 'more than one entrance pipelines',
    'pipy().pipeline("a").pipeline("a")': 'more than one pipeline a',
    'pipy().pipeline().dummy().onStart(() => {})': 'onStart() is only allowed prior to filters',
    'pipy().pipeline().onStart(() => {}).onStart(() => {})': 'duplicated onStart()',
    'pipy().pipeline().link("gone")': 'pipeline not found with name: gone',
    'pipy().pipeline().fork().to("gone")': 'pipeline not found with name: gone',
    'pipy().pipeline().link("a", () => 1, "b")': 'link() takes one pipeline',
    'pipy().pipeline().to("a")': 'to() must follow the filter',
    'pipy().pipeline().fork().to(5)': 'to() takes the name of a pipeline',
    'pipy({ a: 1 }).import({ a: "inbound" })': 'duplicated variable name: a',
    'pipy({ a: 1 }).export("x", { a: 1 })': 'duplicated variable exporting name: a',
    'pipy(); pipy()': 'pipy() is called once',
    '1 + 1': /the script has no configuration.*without `export default`/,
    'module.exports = {}': /unresolved identifier module: .*without `export default` is taken for PipyJS/,
    'pipy().pipeline().handleMesageStart()':
      'no filter handleMesageStart(); did you mean handleMessageStart()?',
    'pipy().pipeline().handlemessage()': 'no filter handlemessage(); did you mean handleMessage()?',
    'pipy(); 1': 'the last expression of the script must be the configuration',
    '': 'the script has no configuration',
  }
  for (const [source, fault] of Object.entries(faults)) t.match(faultOf(source), fault, source)
})

test('a script that runs on while it is loaded is stopped', async (t) => {
  t.match(faultOf('for (;;);'), 'ran for more than 1000 ms')
})

test('a script that changes built-in objects cannot bring in a plan of its own', async (t) => {
  const spoilt = 'Array.prototype.toJSON = () => 5; pipy().pipeline()'
  t.match(faultOf(spoilt), 'changed built-in objects')
  t.equal(faultOf('Object.prototype.name = "x"; pipy().pipeline()'), 'none')
})
