#include "chain/tx_receipts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "eth/abi.h"
#include "util/buf.h"
#include "util/hex.h"

#define REVERT_DATA_MAX 65536u

/* For the books only: a receipt is not thrown away for it. */
static struct u256 price_of(const struct json *receipt)
{
    struct u256 price = u256_from_u64(0);
    size_t len = 0;
    const char *text = json_str(json_get(receipt, "effectiveGasPrice"), &len);
    if (text && u256_parse(&price, text, len, NULL) < 0)
        price = u256_from_u64(0);
    return price;
}

int tx_receipt_parse(struct tx_receipt *out, const struct json *result, struct err *e)
{
    if (json_kind(result) == JSON_KIND_NULL)
        return 0;
    if (json_kind(result) != JSON_KIND_OBJECT)
        return err_set(e, -EPROTO, "receipt: expected an object, found %s", json_kind_name(result));
    if (json_kind(json_get(result, "blockNumber")) == JSON_KIND_NULL)
        return 0;
    uint64_t status = 0;
    if (json_req_quantity(&status, result, "status", e) < 0 ||
        json_req_quantity(&out->block_number, result, "blockNumber", e) < 0 ||
        json_req_bytes(out->block_hash, sizeof out->block_hash, result, "blockHash", e) < 0 ||
        json_req_quantity(&out->gas_used, result, "gasUsed", e) < 0)
        return -EPROTO;
    out->effective_gas_price_wei = price_of(result);
    out->logs = json_get(result, "logs");
    out->ok = status == 1;
    return 1;
}

/* The revert data where an endpoint put it: "data" of the error, or "data" within that. */
static bool revert_data(struct buf *out, const struct rpc_error *error)
{
    const struct json *data = error->data;
    if (json_kind(data) == JSON_KIND_OBJECT)
        data = json_get(data, "data");
    size_t len = 0;
    const char *text = json_str(data, &len);
    return text && len <= 2 * REVERT_DATA_MAX && hex_decode_data(out, text, len, NULL) == 0 && out->len >= 4;
}

static void one_line(char *text)
{
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
}

char *revert_reason(char *out, size_t size, const struct rpc_error *error)
{
    static const uint8_t error_string[4] = { 0x08, 0xc3, 0x79, 0xa0 }, panic[4] = { 0x4e, 0x48, 0x7b, 0x71 };
    struct buf data = { 0 };
    const uint8_t *text;
    size_t len;
    uint64_t code;
    if (!revert_data(&data, error)) {
        (void)snprintf(out, size, "%s", error->message);
    } else {
        struct abi_view view = { data.data + 4, data.len - 4 };
        char selector[9];
        if (memcmp(data.data, error_string, 4) == 0 && abi_get_bytes(&text, &len, view, 0, NULL) == 0)
            (void)snprintf(out, size, "%.*s", (int)(len < size ? len : size), (const char *)text);
        else if (memcmp(data.data, panic, 4) == 0 && abi_get_u64(&code, view, 0, NULL) == 0)
            (void)snprintf(out, size, "panic 0x%02llx", (unsigned long long)code);
        else
            (void)snprintf(out, size, "custom error 0x%s", hex_encode(selector, data.data, 4));
    }
    buf_free(&data);
    one_line(out);
    return out;
}
