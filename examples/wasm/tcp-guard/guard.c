/*
 * Looks at the first bytes of each connection: whose begin with the text in the config, {"forbidden": "DUMP"},
 * is closed, and the upstream sees none of them. Counts connections that were closed, and bytes both ways.
 */
#include "../abi.h"

enum { MAX_FORBIDDEN = 64, MAX_UNDECIDED = 1024 };

static char forbidden[MAX_FORBIDDEN];
static size_t forbidden_size;
static uint32_t sent, received, closed;

/*
 * The connections whose first bytes are not decided about yet. Those that came beyond the room
 * for them are closed: nobody gets past the guard by bringing a crowd.
 */
static int32_t undecided[MAX_UNDECIDED];
static size_t undecided_count;

static int32_t *find(int32_t id) {
  for (size_t i = 0; i < undecided_count; i++) {
    if (undecided[i] == id) return &undecided[i];
  }
  return NULL;
}

static void forget(int32_t id) {
  int32_t *found = find(id);
  if (found) *found = undecided[--undecided_count];
}

static int32_t cut_off(int32_t id) {
  forget(id);
  proxy_increment_metric(closed, 1);
  proxy_close_stream(STREAM_DOWNSTREAM);
  return ACTION_PAUSE;
}

EXPORT(proxy_on_configure) int32_t proxy_on_configure(int32_t root, size_t size) {
  const char *end;
  begin_call();
  const char *at = config_member(size, TEXT("forbidden"), &end);
  forbidden_size = 0;
  if (at && at < end && *at == '"') {
    for (at += 1; at < end && *at != '"' && *at != '\\' && forbidden_size < MAX_FORBIDDEN; at++) {
      forbidden[forbidden_size++] = *at;
    }
  }
  if (forbidden_size == 0 || at == end || *at != '"') {
    return refuse(TEXT("tcp-guard wants {\"forbidden\": TEXT} with a text of 1 to 64 characters, none of them escaped"));
  }
  return proxy_define_metric(METRIC_COUNTER, TEXT("tcp_guard_bytes_sent"), &sent) == STATUS_OK &&
         proxy_define_metric(METRIC_COUNTER, TEXT("tcp_guard_bytes_received"), &received) == STATUS_OK &&
         proxy_define_metric(METRIC_COUNTER, TEXT("tcp_guard_closed"), &closed) == STATUS_OK;
}

EXPORT(proxy_on_new_connection) int32_t proxy_on_new_connection(int32_t id) {
  begin_call();
  if (undecided_count == MAX_UNDECIDED) return cut_off(id);
  undecided[undecided_count++] = id;
  return ACTION_CONTINUE;
}

EXPORT(proxy_on_downstream_data) int32_t proxy_on_downstream_data(int32_t id, size_t size, int32_t is_end) {
  begin_call();
  if (find(id)) {
    const char *data;
    size_t length = 0;
    /* what is held comes again together with the rest, so that `size` is all that came so far */
    if (size > 0) {
      int32_t status = proxy_get_buffer_bytes(BUFFER_DOWNSTREAM, 0, forbidden_size, &data, &length);
      if (status != STATUS_OK) return cut_off(id);
    }
    if (length == 0 || __builtin_memcmp(data, forbidden, length) == 0) {
      if (length == forbidden_size) return cut_off(id);
      /* it may still become the forbidden text, unless nothing more comes */
      if (!is_end) return ACTION_PAUSE;
    }
    forget(id);
  }
  if (size > 0) proxy_increment_metric(sent, (int64_t)size);
  return ACTION_CONTINUE;
}

EXPORT(proxy_on_upstream_data) int32_t proxy_on_upstream_data(int32_t id, size_t size, int32_t is_end) {
  begin_call();
  if (size > 0) proxy_increment_metric(received, (int64_t)size);
  return ACTION_CONTINUE;
}

EXPORT(proxy_on_delete) void proxy_on_delete(int32_t id) { forget(id); }
