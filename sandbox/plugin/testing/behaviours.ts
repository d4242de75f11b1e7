import { defaultPluginPolicy, type PluginLanguage, type PluginLimits } from '../../../chains/plugins.ts'
import type { PluginLoader } from '../contract.ts'

/**
 * The plugins of the suite. Where a path is named, the plugin passes requests to other paths untouched, so that one
 * exchange can fail beside another.
 */
export const behaviours = {
  pass: 'passes every request, and every answer',
  'request header': 'sets X-Plugin: seen on the request, and deletes X-Secret',
  'response header': 'sets X-Plugin: seen on the answer',
  answer: 'answers requests to /answer with 418, X-Plugin: own, and the text: short and stout',
  'read body': 'collects the body of a request and sets X-Length on it: how many bytes there were',
  'replace body': 'collects the body of an answer and puts its upper case in its place',
  'throw on request':
    'throws an error with the message: on purpose, for requests to /bad, from its line 2 or later',
  'throw on response': 'the same, once the answer is there',
  loop: 'never ends for requests to /bad',
  allocate: 'takes ever more memory for requests to /bad, and keeps it',
  'never answer': 'waits for something that never comes for requests to /bad',
  'answer twice': 'answers requests to /bad with 201, and then tries to answer again',
  'tcp pass': 'passes what comes from either side of a connection',
  'tcp rewrite': 'puts the upper case of what the client sends in its place',
  'tcp throw': 'throws when the client sends: bad',
} as const
/** The name of one of {@link behaviours}. */
export type BehaviourName = keyof typeof behaviours

/** One sandbox under test. */
export interface SandboxUnderTest {
  readonly language: PluginLanguage
  readonly loader: PluginLoader
  /** The source of each plugin; null for what the language cannot even say. */
  readonly sources: Readonly<Record<BehaviourName, string | null>>
}

/** What the plugins of the suite may use up: little, so that they come to their limits soon. */
export const suiteLimits: PluginLimits = {
  ...defaultPluginPolicy.limits,
  callMs: 200,
  memoryMiB: 16,
  bufferKiB: 16,
  pauseMs: 300,
}
