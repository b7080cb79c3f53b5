/* What endpoints say about transactions, any bytes: receipts, revert data and error messages. */
#include "fuzz.h"

#include "chain/rpc_errors.h"
#include "chain/tx_fees.h"
#include "chain/tx_receipts.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct json *json = json_parse((const char *)data, len, NULL);
    struct tx_receipt receipt;
    struct err e = { 0 };
    int rc = tx_receipt_parse(&receipt, json, &e);
    assert(rc == 1 || rc == 0 || (rc == -EPROTO && e.code == -EPROTO));

    struct buf text = { 0 };
    buf_append(&text, data, len);
    struct rpc_error error = { RPC_ERR_SERVER, 3, buf_cstr(&text), json };
    char reason[64];
    (void)revert_reason(reason, sizeof reason, &error);
    assert(memchr(reason, 0, sizeof reason));
    for (const char *p = reason; *p; p++)
        assert((unsigned char)*p >= 0x20);

    struct gas_model gas;
    gas_model_init(&gas, 1000000);
    assert(tx_error_classify(error.message) <= TX_ERR_REVERTED);
    gas_learn_refusal(&gas, error.message, 1000000);
    assert(gas.refused_cap < 1000000 && gas.refused_cap > 0);
    json_free(json);
    buf_free(&text);
    return 0;
}
