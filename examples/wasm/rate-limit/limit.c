/*
 * So many requests a minute for each x-api-key, {"perMinute": 5}, counted over all workers: the counts
 * are one value of the shared data, written by compare-and-swap, so that no request is lost or counted twice.
 */
#include "../abi.h"

#define KEY TEXT("rate_limit.counts")
#define NANOSECONDS_A_MINUTE 60000000000ull

/* One key in one minute. */
struct slot {
  uint64_t key;
  uint32_t minute;
  uint32_t count;
};

/*
 * A client chooses the keys, so that there are only so many: what was not used this minute makes room
 * for others; when all were used, keys that fall on one slot share its count.
 */
enum { SLOTS = 256 };
static struct slot slots[SLOTS];

static uint32_t per_minute;
static uint32_t refused;

EXPORT(proxy_on_configure) int32_t proxy_on_configure(int32_t root, size_t size) {
  const char *end;
  begin_call();
  const char *at = config_member(size, TEXT("perMinute"), &end);
  per_minute = 0;
  for (; at && at < end && *at >= '0' && *at <= '9' && per_minute < 100000000; at++) {
    per_minute = per_minute * 10 + (uint32_t)(*at - '0');
  }
  if (per_minute == 0) return refuse(TEXT("rate-limit wants {\"perMinute\": NUMBER} of at least 1"));
  if (proxy_define_metric(METRIC_COUNTER, TEXT("rate_limit_refused"), &refused) != STATUS_OK) return 0;

  /* A value that is not there yet cannot be swapped: it must exist before the first request. */
  const char *value;
  size_t value_size;
  uint32_t cas;
  if (proxy_get_shared_data(KEY, &value, &value_size, &cas) != STATUS_NOT_FOUND) return 1;
  return proxy_set_shared_data(KEY, slots, sizeof(slots), 0) == STATUS_OK;
}

/* FNV-1a: short, and good enough to spread keys. */
static uint64_t hash(const char *text, size_t size) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ull;
  return hash;
}

/* The slot of a key in this minute: its own, else one of an earlier minute, else one that it shares. */
static struct slot *slot_of(uint64_t key, uint32_t minute) {
  struct slot *stale = NULL;
  for (int i = 0; i < SLOTS; i++) {
    struct slot *slot = &slots[(key + (uint64_t)i) % SLOTS];
    if (slot->minute != minute) stale = stale ? stale : slot;
    else if (slot->key == key) return slot;
  }
  if (!stale) return &slots[key % SLOTS];
  *stale = (struct slot){key, minute, 0};
  return stale;
}

/* Counts one request. False when there were enough, or when the counts cannot be had. */
static int count(uint64_t key, uint32_t minute) {
  for (;;) {
    const char *value;
    size_t size;
    uint32_t cas;
    begin_call();
    if (proxy_get_shared_data(KEY, &value, &size, &cas) != STATUS_OK || size != sizeof(slots)) return 0;
    __builtin_memcpy(slots, value, sizeof(slots));
    struct slot *slot = slot_of(key, minute);
    if (slot->count >= per_minute) return 0;
    slot->count += 1;
    int32_t status = proxy_set_shared_data(KEY, slots, sizeof(slots), cas);
    if (status == STATUS_OK) return 1;
    /* another worker was faster: its counts are read, and it is tried again */
    if (status != STATUS_CAS_MISMATCH) return 0;
  }
}

/* One field, as the ABI lays out a map: how many, the two sizes, name and value closed by zeros. */
static const char retry_after[] = "\1\0\0\0\13\0\0\0\2\0\0\0retry-after\00060";

EXPORT(proxy_on_request_headers) int32_t proxy_on_request_headers(int32_t id, int32_t fields, int32_t is_end) {
  const char *key;
  size_t size;
  uint64_t now;
  begin_call();
  if (proxy_get_header_map_value(MAP_REQUEST_HEADERS, TEXT("x-api-key"), &key, &size) != STATUS_OK || size == 0) {
    proxy_send_local_response(401, TEXT("rate_limit_no_key"), TEXT("x-api-key is missing\n"), NULL, 0, -1);
    return ACTION_PAUSE;
  }
  if (proxy_get_current_time_nanoseconds(&now) == STATUS_OK &&
      count(hash(key, size), (uint32_t)(now / NANOSECONDS_A_MINUTE))) {
    return ACTION_CONTINUE;
  }
  proxy_increment_metric(refused, 1);
  proxy_send_local_response(429, TEXT("rate_limited"), TEXT("come back in a minute\n"), retry_after,
                            sizeof(retry_after), -1);
  return ACTION_PAUSE;
}
