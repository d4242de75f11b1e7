// Sets and removes headers, both ways, as the config says:
//   {"request": {"x-edge": "1", "x-debug": null}, "response": {"server": null}}
//
// AssemblyScript against Proxy-Wasm 0.2.1, without an SDK. Everything is allocated while the config
// is read; a request allocates nothing, which is why the build can do without a garbage collector.

@external("env", "proxy_log")
declare function proxy_log(level: i32, text: usize, size: i32): i32
@external("env", "proxy_get_buffer_bytes")
declare function proxy_get_buffer_bytes(type: i32, start: i32, length: i32, data: usize, size: usize): i32
@external("env", "proxy_replace_header_map_value")
declare function proxy_replace_header_map_value(map: i32, key: usize, keySize: i32, value: usize, valueSize: i32): i32
@external("env", "proxy_remove_header_map_value")
declare function proxy_remove_header_map_value(map: i32, key: usize, keySize: i32): i32

const pluginConfiguration = 7
const requestHeaders = 0
const responseHeaders = 2
const errorLevel = 4

/** One header: what it is set to, or null where it is removed. */
class Rule {
  constructor(public name: ArrayBuffer, public value: ArrayBuffer | null) {}
}

let requestRules: Rule[] = []
let responseRules: Rule[] = []

/** Reads the JSON that the config is: objects of texts and nulls, and nothing else. */
class Reader {
  at: i32 = 0
  isBroken: bool = false
  constructor(readonly text: string) {}

  /** The next character that is not white space; 0 at the end. */
  peek(): i32 {
    while (this.at < this.text.length && this.text.charCodeAt(this.at) <= 32) this.at++
    return this.at < this.text.length ? this.text.charCodeAt(this.at) : 0
  }

  take(wanted: string): bool {
    this.peek()
    if (!this.text.startsWith(wanted, this.at)) return false
    this.at += wanted.length
    return true
  }

  expect(wanted: string): void {
    if (!this.take(wanted)) this.isBroken = true
  }

  readText(): string {
    this.expect('"')
    let read = ''
    while (!this.isBroken && this.at < this.text.length) {
      let next = this.text.charAt(this.at++)
      if (next == '"') return read
      if (next == '\\') {
        next = this.text.charAt(this.at++)
        // header values need no other escapes
        if (next != '"' && next != '\\' && next != '/') break
      }
      read += next
    }
    this.isBroken = true
    return read
  }

  readRules(): Rule[] {
    const rules: Rule[] = []
    this.expect('{')
    if (this.take('}')) return rules
    do {
      const name = String.UTF8.encode(this.readText())
      this.expect(':')
      rules.push(new Rule(name, this.take('null') ? null : String.UTF8.encode(this.readText())))
    } while (!this.isBroken && this.take(','))
    this.expect('}')
    return rules
  }

  readConfig(): void {
    this.expect('{')
    if (!this.take('}')) {
      do {
        const way = this.readText()
        this.expect(':')
        if (way == 'request') requestRules = this.readRules()
        else if (way == 'response') responseRules = this.readRules()
        else this.isBroken = true
      } while (!this.isBroken && this.take(','))
      this.expect('}')
    }
    if (this.peek() != 0) this.isBroken = true
  }
}

function logError(text: string): void {
  const bytes = String.UTF8.encode(text)
  proxy_log(errorLevel, changetype<usize>(bytes), bytes.byteLength)
}

const cells = memory.data(8)

function readConfiguration(size: i32): string {
  if (size == 0) return '{}'
  if (proxy_get_buffer_bytes(pluginConfiguration, 0, size, cells, cells + 4) != 0) return ''
  return String.UTF8.decodeUnsafe(load<u32>(cells), load<u32>(cells + 4))
}

function apply(rules: Rule[], map: i32): i32 {
  for (let i = 0; i < rules.length; i++) {
    const name = rules[i].name
    const value = rules[i].value
    if (value === null) {
      proxy_remove_header_map_value(map, changetype<usize>(name), name.byteLength)
    } else {
      proxy_replace_header_map_value(
        map, changetype<usize>(name), name.byteLength, changetype<usize>(value), value.byteLength)
    }
  }
  return 0
}

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(size: usize): usize {
  return heap.alloc(size)
}

export function proxy_on_configure(root: i32, size: i32): i32 {
  const reader = new Reader(readConfiguration(size))
  reader.readConfig()
  if (!reader.isBroken) return 1
  logError(
    'header-rewrite: {"request": {…}, "response": {…}} with texts and nulls is expected; this is not, at character ' +
      reader.at.toString())
  return 0
}

export function proxy_on_request_headers(id: i32, count: i32, isEnd: i32): i32 {
  return apply(requestRules, requestHeaders)
}

export function proxy_on_response_headers(id: i32, count: i32, isEnd: i32): i32 {
  return apply(responseRules, responseHeaders)
}
