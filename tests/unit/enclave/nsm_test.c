/* The module's requests and responses as bytes, and the errors of a device that is none. The real ioctl is spoken in
 * every devnet (FUSE) and in the virtual machine (CUSE): devnet/nsm. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enclave/cbor.h"
#include "enclave/nsm.h"
#include "enclave/nsm_call.h"
#include "util/hex.h"

static void ioctl_number(void **state)
{
    (void)state;
    assert_int_equal((unsigned long)NSM_IOCTL, 0xc0200a00UL);
}

static void assert_request(const struct nsm_fields *fields, const char *expected)
{
    struct buf b = { 0 };
    char text[400];
    nsm_put_attest(&b, fields);
    assert_true(b.len * 2 < sizeof text);
    assert_string_equal(hex_encode(text, b.data, b.len), expected);
    buf_free(&b);
}

static void attestation_request(void **state)
{
    (void)state;
    struct nsm_fields fields = { .user_data = { NULL, 0 } };
    /* {"Attestation": {"user_data": …, "nonce": …, "public_key": …}} */
    assert_request(&fields, "a16b4174746573746174696f6ea369757365725f64617461f6656e6f6e6365f66a7075626c69635f6b6579f6");
    fields.user_data = (struct nsm_bytes){ (const uint8_t *)"ab", 2 };
    fields.nonce = (struct nsm_bytes){ (const uint8_t *)"", 0 };
    fields.public_key = (struct nsm_bytes){ (const uint8_t *)"\x01\x02\x03", 3 };
    assert_request(&fields,
                   "a16b4174746573746174696f6ea369757365725f64617461426162656e6f6e6365406a7075626c69635f6b657943"
                   "010203");
}

/* {"Attestation": {"document": bytes}}, with a member that a later module might add. */
static void put_document(struct buf *b)
{
    cbor_put_map(b, 1);
    cbor_put_text(b, "Attestation");
    cbor_put_map(b, 2);
    cbor_put_text(b, "later");
    cbor_put_array(b, 1);
    cbor_put_uint(b, 1);
    cbor_put_text(b, "document");
    cbor_put_bytes(b, "the document", 12);
}

static void attestation_response(void **state)
{
    (void)state;
    struct buf b = { 0 }, out = { 0 };
    put_document(&b);
    assert_int_equal(nsm_read_attest(&out, b.data, b.len, NULL), 0);
    assert_string_equal(buf_cstr(&out), "the document");
    buf_reset(&out);
    for (size_t i = 0; i < b.len; i++) /* whatever is missing */
        assert_int_equal(nsm_read_attest(&out, b.data, i, NULL), -EPROTO);
    buf_push(&b, 0);
    assert_int_equal(nsm_read_attest(&out, b.data, b.len, NULL), -EPROTO);
    assert_int_equal(out.len, 0);
    buf_free(&b);
    buf_free(&out);
}

static void named_errors(void **state)
{
    (void)state;
    static const char *const names[] = { "InvalidArgument",  "InvalidIndex",   "InvalidResponse", "ReadOnlyIndex",
                                         "InvalidOperation", "BufferTooSmall", "InputTooLarge",   "InternalError" };
    struct buf out = { 0 };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct buf b = { 0 };
        struct err e = { 0 };
        cbor_put_map(&b, 1);
        cbor_put_text(&b, "Error");
        cbor_put_text(&b, names[i]);
        assert_int_equal(nsm_read_attest(&out, b.data, b.len, &e), -EIO);
        assert_non_null(strstr(e.msg, names[i]));
        buf_free(&b);
    }
    assert_int_equal(out.len, 0);
}

static void strange_responses(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *what;
    } cases[] = {
        { "", "response" },
        { "01", "response" },
        { "a0", "response" },
        { "a1654572726f7201", "Error" },                                            /* {"Error": 1} */
        { "a1654572726f7264612e0a62", "an unreadable error" },                      /* {"Error": "a.\nb"} */
        { "a1654572726f7260", "an error without a name" },                          /* {"Error": ""} */
        { "a16947657452616e646f6da06161", "another one than" },                     /* {"GetRandom": …} */
        { "a16b4174746573746174696f6e01", "Attestation" },                          /* {"Attestation": 1} */
        { "a16b4174746573746174696f6ea0", "without document" },                     /* {"Attestation": {}} */
        { "a16b4174746573746174696f6ea168646f63756d656e7440", "without document" }, /* … {"document": h''} */
        { "a16b4174746573746174696f6ea168646f63756d656e7461", "document" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = { 0 }, out = { 0 };
        struct err e = { 0 };
        (void)hex_decode(buf_extend(&b, strlen(cases[i].hex) / 2), cases[i].hex, strlen(cases[i].hex), NULL);
        assert_true(nsm_read_attest(&out, b.data, b.len, &e) < 0);
        if (!strstr(e.msg, cases[i].what))
            fail_msg("%s: \"%s\" does not tell of %s", cases[i].hex, e.msg, cases[i].what);
        assert_int_equal(out.len, 0);
        buf_free(&b);
    }
}

static void no_device(void **state)
{
    (void)state;
    struct buf out = { 0 };
    struct nsm_fields fields = { .user_data = { NULL, 0 } };
    struct err e = { 0 };
    assert_int_equal(nsm_attest(&out, "/nonexistent/nsm", &fields, &e), -ENODEV);
    assert_string_equal(e.msg,
                        "attestation: no Nitro Secure Module here (/nonexistent/nsm: No such file or directory)");
    e = (struct err){ 0 };
    assert_int_equal(nsm_attest(&out, "/dev/null", &fields, &e), -ENOTTY);
    assert_string_equal(e.msg, "attestation: /dev/null: ioctl: Inappropriate ioctl for device");
    assert_int_equal(out.len, 0);
}

static void too_large_to_ask(void **state)
{
    (void)state;
    static const uint8_t bytes[NSM_REQUEST_MAX];
    struct nsm_fields fields = { .user_data = { bytes, sizeof bytes } };
    struct buf out = { 0 };
    struct err e = { 0 };
    assert_int_equal(nsm_attest(&out, "/dev/null", &fields, &e), -EMSGSIZE);
    assert_non_null(strstr(e.msg, "InputTooLarge"));
}

/* What a call beside the loop has told. */
struct told {
    size_t times;
    int code;
    const uint8_t *document;
};

static void on_done(void *arg, const uint8_t *document, size_t len, const struct err *why)
{
    struct told *t = arg;
    (void)len;
    t->times++;
    t->code = why->code;
    t->document = document;
}

static void beside_the_loop(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct told told = { .times = 0 };
    uint8_t nonce[3] = { 1, 2, 3 };
    struct nsm_fields fields = { .nonce = { nonce, sizeof nonce }, .user_data = { nonce, 0 } };
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_non_null(nsm_call_attest(&loop, "/nonexistent/nsm", &fields, on_done, &told));
    memset(nonce, 0, sizeof nonce); /* it has copies */
    assert_int_equal(told.times, 0);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(told.times, 1);
    assert_int_equal(told.code, -ENODEV);
    assert_null(told.document);
    /* one that was freed says nothing, whether its thread has begun or not */
    for (size_t i = 0; i < 8; i++)
        nsm_call_free(nsm_call_attest(&loop, "/nonexistent/nsm", &fields, on_done, &told));
    nsm_call_free(NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(told.times, 1);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ioctl_number),         cmocka_unit_test(attestation_request),
        cmocka_unit_test(attestation_response), cmocka_unit_test(named_errors),
        cmocka_unit_test(strange_responses),    cmocka_unit_test(no_device),
        cmocka_unit_test(too_large_to_ask),     cmocka_unit_test(beside_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
