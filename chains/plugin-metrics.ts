const plugin = ['plugin', 'version'] as const
const mounted = [...plugin, 'chain'] as const

/**
 * What is counted of plugins; part of the table of metrics. A plugin that is
 * mounted on several chains is one instance: what cannot be told apart by chain
 * names them all, joined by `+`.
 */
export const pluginMetrics = {
  pillion_plugin_calls_total: {
    kind: 'counter',
    help: 'Calls into a plugin.',
    labels: mounted,
  },
  pillion_plugin_call_duration_seconds: {
    kind: 'histogram',
    help: 'Time of one call into a plugin, on the thread that carries the traffic.',
    labels: mounted,
    buckets: [
      0.000_001, 0.000_002_5, 0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001,
      0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1,
    ],
  },
  pillion_plugin_cpu_seconds_total: {
    kind: 'counter',
    help: 'Time that a plugin has had a thread for itself.',
    labels: mounted,
  },
  pillion_plugin_errors_total: {
    kind: 'counter',
    help: 'Failures of a plugin; kind is exception, timeout, memory, crash, limit (bytes held) or pause (waited too long).',
    labels: [...mounted, 'kind'],
  },
  pillion_plugin_exchanges_failed_total: {
    kind: 'counter',
    help: 'Exchanges in which a plugin failed, or was not let in while it is held back; outcome is closed (503 or a cut), open (went on without it) or previous (the version before took over).',
    labels: [...mounted, 'outcome'],
  },
  pillion_plugin_shadow_verdicts_total: {
    kind: 'counter',
    help: 'What a plugin in shadow mode would have done; verdict is passed, changed, failed, or answered_ with the class of the status.',
    labels: [...mounted, 'verdict'],
  },
  pillion_plugin_heap_bytes: {
    kind: 'gauge',
    help: 'Memory of a plugin, summed over workers.',
    labels: plugin,
  },
  pillion_plugin_restarts_total: {
    kind: 'counter',
    help: 'Times that the instance of a plugin died and was replaced.',
    labels: plugin,
  },
} as const
