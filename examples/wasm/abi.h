/*
 * What the plugins in C need of Proxy-Wasm 0.2.1, without a C library: the host functions they call,
 * memory for what the host hands over, and the one value of their config.
 */
#ifndef ABI_H
#define ABI_H

#include <stddef.h>
#include <stdint.h>

#define HOST(name) __attribute__((import_module("env"), import_name(#name))) int32_t name
#define EXPORT(name) __attribute__((export_name(#name)))

enum { STATUS_OK = 0, STATUS_NOT_FOUND = 1, STATUS_CAS_MISMATCH = 8 };
enum { ACTION_CONTINUE = 0, ACTION_PAUSE = 1 };
enum { LOG_ERROR = 4 };
enum { BUFFER_DOWNSTREAM = 2, BUFFER_PLUGIN_CONFIGURATION = 7 };
enum { MAP_REQUEST_HEADERS = 0 };
enum { STREAM_DOWNSTREAM = 2 };
enum { METRIC_COUNTER = 0 };

HOST(proxy_log)(int32_t level, const char *text, size_t size);
HOST(proxy_get_current_time_nanoseconds)(uint64_t *time);
HOST(proxy_get_buffer_bytes)(int32_t type, size_t start, size_t length, const char **data, size_t *size);
HOST(proxy_get_header_map_value)(int32_t map, const char *key, size_t key_size, const char **value, size_t *size);
HOST(proxy_send_local_response)
(int32_t status, const char *details, size_t details_size, const char *body, size_t body_size,
 const char *headers, size_t headers_size, int32_t grpc_status);
HOST(proxy_get_shared_data)(const char *key, size_t key_size, const char **value, size_t *size, uint32_t *cas);
HOST(proxy_set_shared_data)(const char *key, size_t key_size, const void *value, size_t size, uint32_t cas);
HOST(proxy_define_metric)(int32_t type, const char *name, size_t size, uint32_t *id);
HOST(proxy_increment_metric)(uint32_t id, int64_t offset);
HOST(proxy_close_stream)(int32_t type);

/* A text of the source and its size. */
#define TEXT(text) (text), (sizeof(text) - 1)

EXPORT(proxy_abi_version_0_2_1) void proxy_abi_version_0_2_1(void) {}

/*
 * Nothing that the host hands over is needed beyond the call it came in, so that
 * each call begins with all of the room, and nothing is ever freed.
 */
static char room[64 * 1024] __attribute__((aligned(8)));
static size_t used;

static void begin_call(void) { used = 0; }

EXPORT(proxy_on_memory_allocate) void *proxy_on_memory_allocate(size_t size) {
  if (size > sizeof(room) - used) return NULL;
  void *at = room + used;
  used += (size + 7) & ~(size_t)7;
  if (used > sizeof(room)) used = sizeof(room);
  return at;
}

static int32_t refuse(const char *why, size_t size) {
  proxy_log(LOG_ERROR, why, size);
  return 0;
}

/* Finds what follows `"name":` in the config, a flat object in JSON; NULL where there is no such member. */
static const char *config_member(size_t config_size, const char *name, size_t name_size, const char **end) {
  const char *config;
  size_t size;
  if (config_size == 0) return NULL;
  if (proxy_get_buffer_bytes(BUFFER_PLUGIN_CONFIGURATION, 0, config_size, &config, &size) != STATUS_OK) return NULL;
  *end = config + size;
  for (const char *at = config; at + name_size + 3 <= *end; at++) {
    if (*at != '"' || __builtin_memcmp(at + 1, name, name_size) != 0 || at[1 + name_size] != '"') continue;
    for (at += name_size + 2; at < *end && (*at == ' ' || *at == ':'); at++) {
    }
    return at;
  }
  return NULL;
}

/* There is no C library to have it from. */
int memcmp(const void *a, const void *b, size_t size) {
  const unsigned char *left = a, *right = b;
  for (; size > 0; size--, left++, right++) {
    if (*left != *right) return *left - *right;
  }
  return 0;
}

#endif
