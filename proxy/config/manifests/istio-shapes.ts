import {
  choice,
  integer,
  json,
  list,
  object,
  optional,
  type Read,
  required,
  text,
  withDefault,
} from '../shape/shape.ts'
import { anyText } from '../shape/texts.ts'
import { phases } from './phases.ts'
import { resourceHead } from './resource-shapes.ts'
import { selectorShape } from './selectors.ts'
import { moduleFields, requiredUrl, vmConfigShape } from './wasm-shapes.ts'

const place = {
  selector: optional(
    selectorShape,
    'The sidecars that are meant, by their labels; all of its namespace when missing.',
  ),
  targetRef: optional(json, 'A gateway or a waypoint: no sidecar is meant then.'),
  targetRefs: optional(json, 'Gateways or waypoints: no sidecar is meant then.'),
  phase: optional(choice(phases), 'Where in a chain it stands: see the table of phases.'),
  priority: optional(
    integer(-2_147_483_648, 2_147_483_647),
    'Its place in the phase: higher ones come first, those without one last.',
  ),
  match: withDefault(
    list(
      object('trafficMatch', {
        mode: optional(
          choice(['UNDEFINED', 'CLIENT', 'SERVER', 'CLIENT_AND_SERVER']),
          'CLIENT: outbound chains; SERVER: inbound chains.',
        ),
        ports: withDefault(
          list(object('trafficPort', { number: required(integer(1, 65_535), 'A port.') })),
          [],
          'Not there yet: it is for all ports.',
        ),
      }),
    ),
    [],
    'Which traffic is meant; all when missing.',
  ),
} as const

const moduleParts = {
  url: requiredUrl,
  ...moduleFields,
  imagePullSecret: optional(text(anyText), 'Not read: give --registry-credentials.'),
  verificationKey: optional(text(anyText), 'Not used.'),
  failStrategy: optional(
    choice(['FAIL_CLOSE', 'FAIL_OPEN', 'FAIL_RELOAD']),
    'FAIL_OPEN is `onError: open`; the others are `close`. An instance that died is made anew in each case.',
  ),
  vmConfig: optional(vmConfigShape, 'Of the instance.'),
  type: optional(
    choice(['UNSPECIFIED_PLUGIN_TYPE', 'HTTP', 'NETWORK']),
    'HTTP, or NETWORK, which is the TCP chains. HTTP when missing.',
  ),
} as const

/** Istio's WasmPlugin. */
export const wasmPluginShape = object('istioWasmPlugin', {
  ...resourceHead,
  spec: required(object('wasmPluginSpec', { ...place, ...moduleParts }), 'What it is.'),
})

/** Istio's TrafficExtension. */
export const trafficExtensionShape = object('trafficExtension', {
  ...resourceHead,
  spec: required(
    object('trafficExtensionSpec', {
      ...place,
      wasm: optional(object('trafficExtensionWasm', moduleParts), 'A WebAssembly module.'),
      lua: optional(json, 'Not run: write it in JavaScript, as `javascript` of a Plugin.'),
    }),
    'What it is.',
  ),
})

/** A WasmPlugin, as it was read. */
export type WasmPluginResource = Read<typeof wasmPluginShape>
/** A TrafficExtension, as it was read. */
export type TrafficExtensionResource = Read<typeof trafficExtensionShape>
/** What both say of their module. */
export type IstioModule = Omit<NonNullable<TrafficExtensionResource['spec']['wasm']>, never>
