#include "chain/head.h"

#include <errno.h>

#include "util/hex.h"

/* Members that some chains leave out: what is missing or null counts as not said. */
static const char *optional(const struct json *block, const char *key, size_t *len)
{
    return json_str(json_get(block, key), len);
}

static int parse_fees(struct chain_head *out, const struct json *block, struct err *e)
{
    size_t len;
    struct err why = { 0 };
    const char *base_fee = optional(block, "baseFeePerGas", &len);
    if (base_fee) {
        if (u256_parse(&out->base_fee_wei, base_fee, len, &why) < 0)
            return err_set(e, -EPROTO, "baseFeePerGas: %s", why.msg);
        out->has_base_fee = true;
    }
    const char *gas_limit = optional(block, "gasLimit", &len);
    if (gas_limit && hex_decode_u64(&out->gas_limit, gas_limit, len, NULL) < 0)
        out->gas_limit = 0; /* some chains say more than 64 bits hold: no limit to speak of */
    return 0;
}

int chain_head_parse(struct chain_head *out, const struct json *block, struct err *e)
{
    *out = (struct chain_head){ 0 };
    if (json_kind(block) != JSON_KIND_OBJECT)
        return err_set(e, -EPROTO, "head: expected an object, found %s", json_kind_name(block));
    if (json_req_quantity(&out->number, block, "number", e) < 0 ||
        json_req_bytes(out->hash, 32, block, "hash", e) < 0 ||
        json_req_bytes(out->parent_hash, 32, block, "parentHash", e) < 0 ||
        json_req_quantity(&out->timestamp_s, block, "timestamp", e) < 0)
        return -EPROTO;
    return parse_fees(out, block, e);
}
