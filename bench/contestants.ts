import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, isInstalled, type Measured, proxyCore, startPinned } from './processes.ts'

/** Where a contestant finds its surroundings. */
export interface Stage {
  /** A folder of its own run, for configs and sockets; removed at the end. */
  readonly folder: string
  /** The application behind the proxy. */
  readonly originPort: number
}

/** A proxy that runs. */
export interface Running extends Measured {
  readonly port: number
}

/** A proxy that can be measured. */
export interface Contestant {
  readonly name: string
  /** Why it cannot be measured here, or null. */
  readonly missing: string | null
  start(stage: Stage): Promise<Running>
}

const node = process.execPath
const streamModule = '/usr/lib/nginx/modules/ngx_stream_module.so'
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** nginx as an HTTP proxy with kept-alive upstream connections, one worker. */
export function nginx(accessLog: 'off' | 'on'): Contestant {
  return {
    name: accessLog === 'off' ? 'nginx' : 'nginx, access log on',
    missing: isInstalled('nginx') ? null : 'nginx is not installed',
    start: (stage) =>
      startWithConfig(
        `nginx-${accessLog}`,
        stage,
        (port) => nginxProxy(stage, port, accessLog),
        nginxCommand,
      ),
  }
}

/** Scripts that read one request header, and set one on the request and one on the response. */
const nginxScripts = {
  njs: {
    modules: ['ngx_http_js_module.so'],
    http: 'js_import plugin from plugin.js; js_set $seen plugin.seen;',
    location: 'proxy_set_header x-seen $seen; js_header_filter plugin.mark;',
  },
  Lua: {
    modules: ['ndk_http_module.so', 'ngx_http_lua_module.so'],
    http: '',
    location: `access_by_lua_block { ngx.req.set_header("x-seen", ngx.var.http_user_agent or "none") }
    header_filter_by_lua_block { ngx.header["x-mark"] = "1" }`,
  },
} as const

const njsPlugin = `function seen(r) { return r.headersIn['user-agent'] || 'none' }
function mark(r) { r.headersOut['x-mark'] = '1' }
export default { seen, mark }
`

/** nginx as in {@link nginx}, with a script in it. */
export function scriptedNginx(language: keyof typeof nginxScripts): Contestant {
  const { modules, http, location } = nginxScripts[language]
  const paths = modules.map((module) => `/usr/lib/nginx/modules/${module}`)
  const isThere = isInstalled('nginx') && paths.every((path) => existsSync(path))
  return {
    name: `nginx + ${language}`,
    missing: isThere ? null : `nginx's module for ${language} is not installed`,
    start: (stage) => {
      writeFileSync(join(stage.folder, 'plugin.js'), njsPlugin)
      const load = paths.map((path) => `load_module ${path};\n`).join('')
      const configFor = (port: number) => load + nginxProxy(stage, port, 'off', { http, location })
      return startWithConfig(`nginx-${language}`, stage, configFor, nginxCommand)
    },
  }
}

/** HAProxy in HTTP mode, one thread. */
export function haproxy(): Contestant {
  return {
    name: 'HAProxy, 1 thread',
    missing: isInstalled('haproxy') ? null : 'haproxy is not installed',
    start: (stage) =>
      startWithConfig('haproxy', stage, (port) => haproxyConfig(stage, port, 'http'), haproxyCommand),
  }
}

/** HAProxy as a relay of bytes, one thread. */
export function haproxyTcp(): Contestant {
  return {
    name: 'HAProxy, tcp mode',
    missing: isInstalled('haproxy') ? null : 'haproxy is not installed',
    start: (stage) =>
      startWithConfig('haproxy-tcp', stage, (port) => haproxyConfig(stage, port, 'tcp'), haproxyCommand),
  }
}

/** nginx as a relay of bytes, one worker; it needs the stream module, which some systems pack apart. */
export function nginxStream(): Contestant {
  const isThere = isInstalled('nginx') && (hasBuiltInStream() || existsSync(streamModule))
  return {
    name: 'nginx, stream',
    missing: isThere ? null : "nginx's stream module is not installed",
    start: (stage) => startWithConfig('nginx-stream', stage, (port) => nginxRelay(stage, port), nginxCommand),
  }
}

/** A proxy made of an npm package, in `peers/`. */
export function npmPeer(name: 'http-proxy' | 'fast-proxy'): Contestant {
  return {
    name,
    missing: null,
    async start({ originPort }) {
      const port = await freePort()
      const script = here(`peers/${name}.ts`)
      const command = [node, '--no-deprecation', script, String(port), String(originPort)]
      return Object.assign(await startPinned(proxyCore, command, port), { port })
    },
  }
}

/** An nginx config for HTTP: one worker, everything below `folder`. */
export function nginxMain(folder: string, name: string, http: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return [
    nginxTop(folder, name),
    `http {\n${temporary.map((kind) => `${kind}_temp_path ${folder}/${name}-${kind};`).join('\n')}`,
    `keepalive_requests 1000000000;\nkeepalive_timeout 600s;\nclient_max_body_size 0;\n${http}\n}`,
  ].join('\n')
}

/** The command that runs nginx with the config in `file`. */
export function nginxCommand(file: string): string[] {
  return ['nginx', '-c', file, '-e', `${file}.err`]
}

function nginxTop(folder: string, name: string): string {
  return [
    process.getuid?.() === 0 ? 'user root;' : '',
    `worker_processes 1;\ndaemon off;\npid ${folder}/${name}.pid;\nerror_log ${folder}/${name}.log;`,
    'events { worker_connections 4096; }',
  ].join('\n')
}

function nginxRelay({ folder, originPort }: Stage, port: number): string {
  const load = hasBuiltInStream() ? '' : `load_module ${streamModule};`
  const server = `server { listen 127.0.0.1:${port}; proxy_pass 127.0.0.1:${originPort}; proxy_timeout 600s; }`
  return `${load}\n${nginxTop(folder, 'nginx-stream')}\nstream { ${server} }\n`
}

function hasBuiltInStream(): boolean {
  const text = execFileSync('sh', ['-c', 'nginx -V 2>&1'], { encoding: 'utf8' })
  return / --with-stream( |$)/m.test(text)
}

async function startWithConfig(
  name: string,
  { folder }: Stage,
  configFor: (port: number) => string,
  commandFor: (file: string) => string[],
): Promise<Running> {
  const port = await freePort()
  const file = join(folder, `${name}.conf`)
  writeFileSync(file, configFor(port))
  return Object.assign(await startPinned(proxyCore, commandFor(file), port), { port })
}

function nginxProxy(
  { folder, originPort }: Stage,
  port: number,
  accessLog: 'off' | 'on',
  script = { http: '', location: '' },
): string {
  const log = accessLog === 'off' ? 'off' : '/dev/null'
  return nginxMain(
    folder,
    `nginx-${port}`,
    `access_log ${log};
${script.http}
upstream origin { server 127.0.0.1:${originPort}; keepalive 128; keepalive_requests 1000000000; keepalive_timeout 600s; }
server {
  listen 127.0.0.1:${port};
  location / {
    proxy_pass http://origin;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_request_buffering off;
    proxy_max_temp_file_size 0;
    ${script.location}
  }
}`,
  )
}

function haproxyCommand(file: string): string[] {
  return ['haproxy', '-db', '-f', file]
}

function haproxyConfig({ originPort }: Stage, port: number, mode: 'http' | 'tcp'): string {
  return `global
  nbthread 1
  maxconn 4096
defaults
  mode ${mode}
  timeout connect 5s
  timeout client 600s
  timeout server 600s
${mode === 'http' ? '  http-reuse always\n' : ''}frontend bench
  bind 127.0.0.1:${port}
  default_backend origin
backend origin
  server origin 127.0.0.1:${originPort}
`
}
