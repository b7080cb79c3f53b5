#include "chain/emitter.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain/contracts_tables.h"
#include "eth/abi.h"
#include "util/hex.h"

const struct address emitter_executors = { { [19] = 0xe0 } };
const struct address emitter_jobs = { { [19] = 0xb0 } };

/* Emitter.sol, deployed */
static const char code[] =
    "6080604052348015600f57600080fd5b5060005b3681101560a257803560001a600182013560e01c600583018260051b8401"
    "8260058201600037836001811460685760028114607257600381146081576065860135604587013560258801358535876000"
    "a46092565b8235846000a16092565b60258601358335856000a26092565b604586013560258701358435866000a35b509091"
    "0160050192506013915050565b00";

void emitter_install(const struct anvil *a)
{
    anvil_do(a, "anvil_setCode", "[\"%s\",\"0x%s\"]", EMITTER_EXECUTORS, code);
    anvil_do(a, "anvil_setCode", "[\"%s\",\"0x%s\"]", EMITTER_JOBS, code);
}

static const struct event_def *def_of(enum event_type type, enum generation g)
{
    for (size_t i = 0; i < EVENT_DEF_COUNT; i++)
        if (event_defs[i].type == type && event_defs[i].generation == g)
            return &event_defs[i];
    abort();
}

static void put_record(struct buf *out, const struct event_def *def, size_t data_len)
{
    buf_push(out, def->n_topics);
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_push(out, (uint8_t)(data_len >> shift));
    buf_append(out, def->topic0, 32);
}

static void put_word(struct buf *out, uint32_t v)
{
    u256_to_be(buf_extend(out, 32), u256_from_u64(v));
}

void emit_drained(struct buf *calldata, uint32_t id)
{
    put_record(calldata, def_of(EVENT_EXECUTOR_DRAINED, GENERATION_1), 0);
    put_word(calldata, id);
}

void emit_job_created(struct buf *calldata, uint32_t id, size_t inputs_len)
{
    struct buf data = { 0 }, inputs = { 0 };
    struct abi_encoder enc, list;
    memset(buf_extend(&inputs, inputs_len), 'i', inputs_len);
    abi_begin(&enc, &data, NULL, 4);
    abi_put_u64(&enc, 0xc0de);
    abi_put_bytes(&enc, inputs.data, inputs.len);
    abi_put_u64(&enc, 5000);
    abi_begin_tuple(&enc, &list, 2); /* one executor: an array is its length and its elements */
    abi_put_u64(&list, 1);
    abi_put_address(&list, &emitter_executors);
    abi_end(&list);
    abi_end(&enc);
    put_record(calldata, def_of(EVENT_JOB_CREATED, GENERATION_2), data.len);
    put_word(calldata, id);
    put_word(calldata, 1);
    put_word(calldata, 7);
    buf_append(calldata, data.data, data.len);
    buf_free(&data);
    buf_free(&inputs);
}

static bool is_mined(const struct anvil *a, const char *tx_hash)
{
    struct json *receipt = anvil_rpc(a, "eth_getTransactionReceipt", "[\"%s\"]", tx_hash);
    bool mined = json_kind(receipt) == JSON_KIND_OBJECT;
    json_free(receipt);
    return mined;
}

void emitter_send(const struct anvil *a, const char *to, const struct buf *calldata)
{
    struct buf hex = { 0 };
    hex_append0x(&hex, calldata->data, calldata->len);
    struct json *tx =
        anvil_rpc(a, "eth_sendTransaction", "[{\"from\":\"%s\",\"to\":\"%s\",\"gas\":\"0x1c9c380\",\"data\":\"%s\"}]",
                  ANVIL_ADDRESS_0, to, buf_cstr(&hex));
    for (int tries = 0; !is_mined(a, json_str(tx, NULL)); tries++) {
        if (tries == 20000)
            abort();
        (void)usleep(500);
    }
    json_free(tx);
    buf_free(&hex);
}

void emitter_drain(const struct anvil *a, uint32_t id)
{
    struct buf calldata = { 0 };
    emit_drained(&calldata, id);
    emitter_send(a, EMITTER_EXECUTORS, &calldata);
    buf_free(&calldata);
}

void emitter_job(const struct anvil *a, uint32_t id)
{
    struct buf calldata = { 0 };
    emit_job_created(&calldata, id, 11);
    emitter_send(a, EMITTER_JOBS, &calldata);
    buf_free(&calldata);
}

uint32_t emitted_id(const struct chain_event *ev)
{
    uint64_t id = 0;
    if (ev->type == EVENT_JOB_CREATED) {
        (void)u256_to_u64(&id, ev->u.job_created.job_id);
        return (uint32_t)id;
    }
    for (size_t i = 16; i < 20; i++)
        id = id << 8 | ev->u.executor.enclave.b[i];
    return (uint32_t)id;
}
