import { test } from 'tap'
import { PluginFault } from '../../plugin/contract.ts'
import { bench } from './testing/bench.ts'

/** The one line that a script is refused with. */
function faultOf(script: string): string {
  try {
    using _loaded = bench(script)
    return 'it was loaded'
  } catch (thrown) {
    return thrown instanceof PluginFault ? thrown.message : `no fault: ${thrown}`
  }
}

test('a script is refused with the place, and with what to write', (t) => {
  const faults: Record<string, RegExp> = {
    'pipy().pipeline().handleData()':
      /^tested.yaml:1:19: plugin tested: handleData\(\): argument 1 must be a function$/,
    'pipy().pipeline()\n  .chain(5)':
      /^tested.yaml:2:4: .*chain\(\): it takes nothing, a file name, or an array/,
    "pipy().pipeline().chain(['modules/none.js'])":
      /there is no module modules\/none.js; it would be a built-in one/,
    "pipy().pipeline().use('plugins/tested.js')": /cannot stand in a chain of its own/,
    "pipy().pipeline().use('modules/none.js', 'inner')": /only the entrance of another file can be used/,
    'pipy().pipeline().fork()': /fork\(\): it takes one sub-pipeline: .to\(/,
    "pipy().pipeline().fork().to('none')": /pipeline not found with name: none/,
    'pipy().pipeline().fork([{ a: 1 }]).to($ => $)': /must come from a function/,
    'pipy().pipeline().dummy().to($ => $)': /dummy\(\) takes no sub-pipeline/,
    'pipy().pipeline().wait(() => 1, { timeout: "soon" })':
      /timeout must be a number of seconds.*and is "soon"/,
    'pipy().pipeline().replaceMessage(5)': /it takes a function, an event, a Message/,
    'pipy().pipeline().handleMessage(() => {}, 5)': /argument 2 must be an object with options/,
    'pipy().pipeline().pack(-1)': /argument 1 must be a number of messages/,
    'pipy().pipeline().produce()': /it takes events, or a function/,
    'pipy().pipeline().tee(5)': /argument 1 must be a file name/,
    'pipy().pipeline().print(1)': /it takes no argument, and got 1/,
    'pipy().pipeline().onStart(5).chain()': /onStart\(\) takes a function, or events/,
    'pipy().pipeline().acceptTLS({}).to($ => $)': /acceptTLS\(\) is not there/,
  }
  for (const [script, fault] of Object.entries(faults)) t.match(faultOf(script), fault, script)
  t.end()
})

test('a script without an entrance is loaded, and has nothing to do', (t) => {
  using b = bench("pipy().pipeline('inner').chain()")
  t.equal(b.plugin.http('inbound-http'), null)
  t.equal(b.plugin.tcp('inbound-tcp'), null)
  t.end()
})
