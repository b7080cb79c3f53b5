/* A verifier's answer in its two forms, and what is wrong with others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "attestation_file.h"
#include "enclave/crypto.h"
#include "eth/keccak.h"
#include "util/hex.h"

/* n bytes of one value as hex. Static storage, one a call site and row. */
static const char *hex_of(int row, uint8_t byte, size_t n)
{
    static char text[8][2 * 65 + 1];
    uint8_t bytes[65];
    memset(bytes, byte, n);
    return hex_encode(text[row], bytes, n);
}

static int parse(struct attestation_file *f, const char *text, const char *const pcrs[3], struct err *e)
{
    return attestation_file_parse(f, "test", text, strlen(text), pcrs, e);
}

static const char *const none[3];

static void first_form(void **state)
{
    (void)state;
    char text[2048];
    struct attestation_file f;
    struct err e = { 0 };
    (void)snprintf(
        text, sizeof text,
        "{\"signature\":\"%s\",\"secp256k1_public\":\"0x%s\",\"pcr0\":\"%s\",\"pcr1\":\"%s\",\"pcr2\":\"%s\","
        "\"timestamp\":1721388963000,\"verifier_secp256k1_public\":\"\"}",
        hex_of(0, 9, 65), hex_of(1, 8, 64), hex_of(2, 1, 48), hex_of(3, 2, 48), hex_of(4, 3, 48));
    if (parse(&f, text, none, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(f.a.signature_len, 65);
    assert_int_equal(f.a.signature[64], 9);
    assert_int_equal(f.a.enclave_pubkey[0], 8);
    assert_true(f.a.timestamp_ms == 1721388963000u);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(f.a.pcr_len[i], 48);
        assert_int_equal(f.a.pcr[i][47], i + 1);
    }
}

static void second_text(char *out, size_t size, const uint8_t id[32])
{
    char hex[65];
    (void)snprintf(out, size,
                   "{\"signature\":\"0x%s\",\"public_key\":\"%s\",\"image_id\":\"%s\",\"timestamp_ms\":5,"
                   "\"user_data\":\"\",\"verifier_public_key\":\"\"}",
                   hex_of(0, 9, 65), hex_of(1, 8, 64), hex_encode(hex, id, 32));
}

static void second_form(void **state)
{
    (void)state;
    char text[2048];
    struct attestation_file f;
    struct err e = { 0 };
    uint8_t id[32], image[4 + 4 * 48] = { 0, 1, 0, 7 };
    const char *const pcrs[3] = { hex_of(2, 1, 48), hex_of(3, 2, 48), hex_of(4, 3, 48) };
    for (size_t i = 0; i < 3; i++)
        memset(image + 4 + 48 * i, (int)i + 1, 48);
    keccak256(id, image + 4, 3 * (size_t)48);
    second_text(text, sizeof text, id);
    assert_int_equal(parse(&f, text, pcrs, NULL), 0);
    sha256(id, image, sizeof image);
    second_text(text, sizeof text, id);
    assert_int_equal(parse(&f, text, pcrs, NULL), 0);
    assert_int_equal(f.a.pcr[1][0], 2);
    assert_true(f.a.timestamp_ms == 5);
    id[0] ^= 1;
    second_text(text, sizeof text, id);
    assert_int_equal(parse(&f, text, pcrs, &e), -22);
    assert_string_equal(e.msg, "attestation of test: image_id: the PCRs given are of another image");
    e = (struct err){ 0 };
    assert_int_equal(parse(&f, text, none, &e), -22);
    assert_non_null(strstr(e.msg, "give --pcr0, --pcr1 and --pcr2"));
}

static void wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "", "attestation of test: " },
        { "[]", "signature: expected a hex string, found nothing" },
        { "{\"signature\":5}", "signature: expected a hex string, found integer" },
        { "{\"signature\":\"0xab\"}", "signature: " },
        { "{\"signature\":\"zz\"}", "signature: " },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct attestation_file f;
        struct err e = { 0 };
        assert_int_equal(parse(&f, cases[i].text, none, &e), -22);
        if (!strstr(e.msg, cases[i].says))
            fail_msg("\"%s\" should say \"%s\"", e.msg, cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_form),
        cmocka_unit_test(second_form),
        cmocka_unit_test(wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
