import type { AbiVersion } from '../contract.ts'

/** The name of the export by which a module says its version of Proxy-Wasm. */
export function markerOf(version: AbiVersion): string {
  return `proxy_abi_version_${version.replaceAll('.', '_')}`
}

/** The functions of Proxy-Wasm that a guest can import from `env`: those of all versions of the ABI together. */
export const proxyFunctions = [
  'proxy_log',
  'proxy_get_log_level',
  'proxy_get_current_time_nanoseconds',
  'proxy_set_tick_period_milliseconds',
  'proxy_get_configuration',
  'proxy_get_status',
  'proxy_get_property',
  'proxy_set_property',
  'proxy_continue_stream',
  'proxy_close_stream',
  'proxy_continue_request',
  'proxy_continue_response',
  'proxy_clear_route_cache',
  'proxy_send_local_response',
  'proxy_get_shared_data',
  'proxy_set_shared_data',
  'proxy_register_shared_queue',
  'proxy_resolve_shared_queue',
  'proxy_enqueue_shared_queue',
  'proxy_dequeue_shared_queue',
  'proxy_get_header_map_pairs',
  'proxy_set_header_map_pairs',
  'proxy_get_header_map_value',
  'proxy_add_header_map_value',
  'proxy_replace_header_map_value',
  'proxy_remove_header_map_value',
  'proxy_get_header_map_size',
  'proxy_get_buffer_bytes',
  'proxy_get_buffer_status',
  'proxy_set_buffer_bytes',
  'proxy_http_call',
  'proxy_grpc_call',
  'proxy_grpc_stream',
  'proxy_grpc_send',
  'proxy_grpc_cancel',
  'proxy_grpc_close',
  'proxy_define_metric',
  'proxy_increment_metric',
  'proxy_record_metric',
  'proxy_get_metric',
  'proxy_set_effective_context',
  'proxy_done',
  'proxy_call_foreign_function',
] as const
/** One of {@link proxyFunctions}. */
export type ProxyFunction = (typeof proxyFunctions)[number]

/** What compilers leave in `env` beside the ABI. */
export const compilerFunctions = ['pthread_equal', 'emscripten_notify_memory_growth'] as const
/** One of {@link compilerFunctions}. */
export type CompilerFunction = (typeof compilerFunctions)[number]

/** The functions of WASI, preview 1. */
export const wasiFunctions = [
  'args_get',
  'args_sizes_get',
  'environ_get',
  'environ_sizes_get',
  'clock_res_get',
  'clock_time_get',
  'fd_advise',
  'fd_allocate',
  'fd_close',
  'fd_datasync',
  'fd_fdstat_get',
  'fd_fdstat_set_flags',
  'fd_fdstat_set_rights',
  'fd_filestat_get',
  'fd_filestat_set_size',
  'fd_filestat_set_times',
  'fd_pread',
  'fd_prestat_get',
  'fd_prestat_dir_name',
  'fd_pwrite',
  'fd_read',
  'fd_readdir',
  'fd_renumber',
  'fd_seek',
  'fd_sync',
  'fd_tell',
  'fd_write',
  'path_create_directory',
  'path_filestat_get',
  'path_filestat_set_times',
  'path_link',
  'path_open',
  'path_readlink',
  'path_remove_directory',
  'path_rename',
  'path_symlink',
  'path_unlink_file',
  'poll_oneoff',
  'proc_exit',
  'proc_raise',
  'random_get',
  'sched_yield',
  'sock_accept',
  'sock_recv',
  'sock_send',
  'sock_shutdown',
] as const
/** One of {@link wasiFunctions}. */
export type WasiFunction = (typeof wasiFunctions)[number]

/** The import module by which a guest of http-wasm is known. */
export const handlerModule = 'http_handler'

/** The functions of {@link handlerModule}. */
export const handlerFunctions = [
  'enable_features',
  'get_config',
  'get_method',
  'set_method',
  'get_uri',
  'set_uri',
  'get_protocol_version',
  'get_source_addr',
  'log',
  'log_enabled',
  'get_header_names',
  'get_header_values',
  'set_header_value',
  'add_header_value',
  'remove_header',
  'read_body',
  'write_body',
  'get_status_code',
  'set_status_code',
] as const
/** One of {@link handlerFunctions}. */
export type HandlerFunction = (typeof handlerFunctions)[number]
