/* Calldata that claims to store code: the code found lies inside, and encodes to a call that holds it again. */
#include "fuzz.h"

#include "chain/contracts_tables.h"
#include "eth/abi.h"

static void check_round_trip(const uint8_t *code, size_t len)
{
    struct buf call = { 0 };
    struct abi_encoder enc;
    const uint8_t *again;
    size_t again_len;
    abi_begin(&enc, &call, call_defs[CALL_SAVE_CODE].selector, 1);
    abi_put_bytes(&enc, code, len);
    abi_end(&enc);
    assert(decode_save_code(&again, &again_len, call.data, call.len, NULL) == 0);
    assert(again_len == len && memcmp(again, code, len) == 0);
    buf_free(&call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *code = NULL;
    size_t len = 0;
    struct err e = { 0 };
    if (decode_save_code(&code, &len, data, size, &e) < 0) {
        assert(e.code == -EBADMSG && e.msg[0] && code == NULL && len == 0);
        return 0;
    }
    assert(code >= data && len <= size && (size_t)(code - data) <= size - len);
    check_round_trip(code, len);
    return 0;
}
