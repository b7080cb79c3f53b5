/* The HTTP API over real sockets, byte for byte as docs/api.md has it. The node's side is played by the ops below: its
 * keys and signatures are real, only the moment at which the nonce arrives is the test's. */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <arpa/inet.h>

#include <cmocka.h>

#include "api/client.h"
#include "api/routes.h"
#include "eth/ecies.h"
#include "eth/eip712.h"
#include "util/buf.h"
#include "util/hex.h"
#include "util/json.h"

#define OWNER "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
#define GAS_KEY "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"
#define GAS_ADDRESS "0x90f79bf6eb2c4f870365e785982e1f101e93b906"
#define GAS_KEY_2 "0x0000000000000000000000000000000000000000000000000000000000000001"
#define GAS_ADDRESS_2 "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"

struct fixture {
    uv_loop_t loop;
    struct api *api;
    struct seckey enclave_key;
    struct api_identity id;
    int env;
    const char *nonce_error;
    const char *sign_error;
    const char *word_error;
    struct api_gas_key_word word;
    uv_timer_t nonce_timer;
    uint64_t nonce_delay_ms;
    struct address next_gas_address;
    api_gas_key_done_fn *done;
    void *done_arg;
    size_t set_calls, cancels;
    bool asked;
};

static void op_identity(void *arg, struct api_identity *out)
{
    *out = ((struct fixture *)arg)->id;
}

static void op_set_owner(void *arg, const struct address *owner)
{
    struct fixture *f = arg;
    f->id.owner = *owner;
    f->id.has_owner = true;
}

static void on_nonce(uv_timer_t *timer)
{
    struct fixture *f = timer->data;
    api_gas_key_done_fn *done = f->done;
    if (!f->nonce_error) {
        f->id.gas_address = f->next_gas_address;
        f->id.has_gas_key = true;
    }
    f->done = NULL;
    done(f->done_arg, f->nonce_error);
}

static void op_set_gas_key(void *arg, const struct seckey *key, api_gas_key_done_fn *done, void *done_arg)
{
    struct fixture *f = arg;
    assert_null(f->done); /* one at a time */
    f->next_gas_address = key->address;
    f->done = done;
    f->done_arg = done_arg;
    f->set_calls++;
    f->asked = true;
    (void)uv_timer_start(&f->nonce_timer, on_nonce, f->nonce_delay_ms, 0);
}

static void op_cancel_gas_key(void *arg)
{
    struct fixture *f = arg;
    f->done = NULL;
    f->cancels++;
    (void)uv_timer_stop(&f->nonce_timer);
}

static int op_sign(void *arg, struct api_registration *out, struct err *e)
{
    struct fixture *f = arg;
    uint8_t digest[32];
    if (f->sign_error)
        return err_set(e, -EAGAIN, "%s", f->sign_error);
    *out = (struct api_registration){ .job_capacity = 20, .env = f->env, .sign_timestamp_s = 1721388963 };
    eip712_register(digest, &f->id.owner, out->job_capacity, out->env, out->sign_timestamp_s);
    seckey_sign(&out->signature, &f->enclave_key, digest);
    return 0;
}

static int op_open(void *arg, struct seckey *out, const uint8_t *sealed, size_t len, struct err *e)
{
    struct fixture *f = arg;
    uint8_t secret[32];
    if (len != sizeof secret + ECIES_OVERHEAD_BYTES)
        return err_set(e, -EINVAL, "of another length");
    int rc = ecies_open(secret, &f->enclave_key, ECIES_GAS_KEY, sealed, len, e);
    return rc < 0 ? rc : seckey_init(out, secret, e);
}

static int op_accept(void *arg, const struct api_gas_key_word *word, struct err *e)
{
    struct fixture *f = arg;
    f->word = *word;
    return f->word_error ? err_set(e, -EACCES, "%s", f->word_error) : 0;
}

static const struct api_ops ops = { .identity = op_identity,
                                    .set_owner = op_set_owner,
                                    .open_gas_key = op_open,
                                    .accept_word = op_accept,
                                    .set_gas_key = op_set_gas_key,
                                    .cancel_gas_key = op_cancel_gas_key,
                                    .sign_registration = op_sign };

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    struct err e = { 0 };
    assert_int_equal(uv_loop_init(&f->loop), 0);
    (void)uv_timer_init(&f->loop, &f->nonce_timer);
    f->nonce_timer.data = f;
    f->env = -1;
    assert_int_equal(seckey_generate(&f->enclave_key, &e), 0);
    f->id.enclave_address = f->enclave_key.address;
    memcpy(f->id.enclave_pubkey, f->enclave_key.pubkey, 64);
    f->api = api_new(&f->loop, "127.0.0.1", 0, &ops, f, &e);
    assert_non_null(f->api);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    api_free(f->api);
    uv_close((uv_handle_t *)&f->nonce_timer, NULL);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

static void start(struct client *c, struct fixture *f, const char *method, const char *path, const char *body)
{
    struct buf b = { 0 };
    buf_printf(&b, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", method, path,
               strlen(body), body);
    client_start(c, &f->loop, api_port(f->api), b.data, b.len);
    buf_free(&b);
}

/* docs/api.md has every text, up to its variable end. */
static void is_documented(const char *text)
{
    static char doc[131072];
    FILE *f = fopen("docs/api.md", "r");
    assert_non_null(f);
    size_t n = fread(doc, 1, sizeof doc - 1, f);
    doc[n] = 0;
    (void)fclose(f);
    const char *open_end = strstr(text, "address: ");
    if (!open_end)
        open_end = strstr(text, "refused: ");
    char *fixed = strndup(text, open_end ? (size_t)(open_end - text) : strcspn(text, "\n"));
    if (!strstr(doc, fixed))
        fail_msg("docs/api.md lacks: %s", fixed);
    free(fixed);
}

static void expect(struct fixture *f, const char *method, const char *path, const char *body, int status,
                   const char *text)
{
    struct client c = { 0 };
    start(&c, f, method, path, body);
    (void)client_wait(&c, &f->loop);
    assert_int_equal(client_status(&c), status);
    assert_string_equal(client_body(&c), text);
    if (text[0] != '{' && status != 503)
        is_documented(text);
    if (status != 200 || strcmp(method, "POST") == 0)
        assert_non_null(strstr(c.response, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    client_end(&c);
}

static void root(void **state)
{
    struct fixture *f = *state;
    expect(f, "GET", "/", "", 200, "");
    expect(f, "GET", "/?x=1", "", 200, "");
}

static void immutable_config(void **state)
{
    struct fixture *f = *state;
    char text[ADDRESS_TEXT_MAX];
    const char *path = "/immutable-config";
    expect(f, "POST", path, "{\"owner_address_hex\":\"32255\"}", 400, "Invalid owner address hex string: OddLength\n");
    expect(f, "POST", path, "{\"owner_address_hex\":\"0x32255G\"}", 400,
           "Invalid owner address hex string: InvalidHexCharacter { c: 'G', index: 5 }\n");
    expect(f, "POST", path, "{\"owner_address_hex\":\"0x322557\"}", 400, "Owner address must be 20 bytes long!\n");
    expect(f, "POST", path, "{}", 400, "Missing key owner_address_hex: expected {\"owner_address_hex\": \"0x...\"}\n");
    assert_false(f->id.has_owner);
    expect(f, "POST", path, "{\"owner_address_hex\":\"" OWNER "\"}", 200, "Immutable params configured!\n");
    assert_string_equal(address_lower(text, &f->id.owner), OWNER);
    expect(f, "POST", path, "{\"owner_address_hex\":\"" GAS_ADDRESS "\"}", 400,
           "Immutable params already configured!\n");
    expect(f, "POST", path, "{\"owner_address_hex\":\"32255\"}", 400, "Immutable params already configured!\n");
    assert_string_equal(address_lower(text, &f->id.owner), OWNER);
}

static void mutable_config(void **state)
{
    struct fixture *f = *state;
    char text[ADDRESS_TEXT_MAX];
    const char *path = "/mutable-config";
    expect(f, "POST", path, "{\"gas_key_hex\":\"322557\"}", 400, "Gas private key must be 32 bytes long!\n");
    expect(f, "POST", path, "{\"gas_key_hex\":7}", 400,
           "Invalid type of key gas_key_hex: found integer, expected a hex string\n");
    assert_int_equal(f->set_calls, 0);
    f->nonce_error = "all endpoints failed: connection refused";
    expect(f, "POST", path, "{\"gas_key_hex\":\"" GAS_KEY "\"}", 500,
           "Failed to fetch current nonce for the gas address: all endpoints failed: connection refused\n");
    assert_false(f->id.has_gas_key);
    f->nonce_error = NULL;
    expect(f, "POST", path, "{\"gas_key_hex\":\"" GAS_KEY "\"}", 200, "Mutable params configured!\n");
    assert_string_equal(address_lower(text, &f->id.gas_address), GAS_ADDRESS);
    expect(f, "POST", path, "{\"gas_key_hex\":\"" GAS_KEY_2 "\"}", 200, "Mutable params configured!\n");
    assert_string_equal(address_lower(text, &f->id.gas_address), GAS_ADDRESS_2);
}

/* Two gas keys at nearly the same time: the later request wins, whichever nonce would have come first. */
/* The same key, readable for the holder of the enclave key only. */
static void mutable_config_encrypted(void **state)
{
    struct fixture *f = *state;
    struct buf sealed = { 0 }, hex = { 0 }, body = { 0 };
    uint8_t secret[32];
    assert_int_equal(hex_decode_exact(secret, 32, GAS_KEY, 64, NULL), 0);
    assert_int_equal(ecies_seal(&sealed, f->enclave_key.pubkey, ECIES_GAS_KEY, secret, 32, NULL), 0);
    hex_append0x(&hex, sealed.data, sealed.len);
    buf_printf(&body, "{\"gas_key_encrypted_hex\":\"%s\"}", buf_cstr(&hex));
    expect(f, "POST", "/mutable-config", buf_cstr(&body), 200, "Mutable params configured!\n");
    char address[ADDRESS_TEXT_MAX];
    assert_string_equal(address_lower(address, &f->id.gas_address), GAS_ADDRESS);
    buf_reset(&body);
    hex.data[10] = hex.data[10] == '0' ? '1' : '0';
    buf_printf(&body, "{\"gas_key_encrypted_hex\":\"%s\"}", buf_cstr(&hex));
    expect(f, "POST", "/mutable-config", buf_cstr(&body), 400,
           "Invalid encrypted gas key provided: not a public key: no point of secp256k1\n");
    expect(f, "POST", "/mutable-config", "{\"gas_key_encrypted_hex\":\"0x123\"}", 400,
           "Invalid encrypted gas key hex string: OddLength\n");
    expect(f, "POST", "/mutable-config", "{\"gas_key_encrypted_hex\":\"0x12\",\"gas_key_hex\":\"0x12\"}", 400,
           "Found both gas_key_hex and gas_key_encrypted_hex, expected one of them\n");
    buf_free(&sealed);
    buf_free(&hex);
    buf_free(&body);
}

#define SIGNED(more) "{\"gas_key_hex\":\"" GAS_KEY "\",\"sign_timestamp\":1721388963" more "}"
#define SIGNATURE_HEX                                                                                                  \
    "19902ff8f70d7bba8d0001f619eb5c67bf1a97f8ed0b45fdba1b64a5a25dac5c1e253b533a06f477f7e7673a8ad1875dd415ed01640813a0" \
    "a5f88723bbb2d8e51b"

/* Where the owner has to sign, nothing else sets a gas key. */
static void mutable_config_signed(void **state)
{
    struct fixture *f = *state;
    const char *path = "/mutable-config";
    f->id.owner_signs = true;
    expect(f, "POST", path, SIGNED(",\"signature\":\"0x" SIGNATURE_HEX "\""), 400,
           "Immutable params not configured yet!\n");
    expect(f, "POST", "/immutable-config", "{\"owner_address_hex\":\"" OWNER "\"}", 200,
           "Immutable params configured!\n");
    expect(f, "POST", path, "{\"gas_key_hex\":\"" GAS_KEY "\"}", 403,
           "Owner's signature is missing: expected sign_timestamp and signature beside the gas key\n");
    expect(f, "POST", path, SIGNED(",\"signature\":\"0x12\""), 400, "Owner signature must be 65 bytes long!\n");
    expect(f, "POST", path, SIGNED(",\"signature\":\"0x1\""), 400, "Invalid owner signature hex string: OddLength\n");
    expect(f, "POST", path, SIGNED(",\"signature\":5"), 400,
           "Invalid type of key signature: found integer, expected a hex string\n");
    f->word_error = "not today";
    expect(f, "POST", path, SIGNED(",\"signature\":\"" SIGNATURE_HEX "\""), 403,
           "Owner's signature refused: not today\n");
    assert_int_equal(f->set_calls, 0);
    f->word_error = NULL;
    expect(f, "POST", path, SIGNED(",\"signature\":\"0x" SIGNATURE_HEX "\""), 200, "Mutable params configured!\n");
    assert_int_equal(f->word.sign_timestamp_s, 1721388963);
    assert_int_equal(f->word.signature.b[64], 0x1b);
    char address[ADDRESS_TEXT_MAX];
    assert_string_equal(address_lower(address, &f->word.gas_address), GAS_ADDRESS);
    f->id.owner_signs = false; /* nobody asks: not looked at */
    expect(f, "POST", path, SIGNED(",\"signature\":5"), 200, "Mutable params configured!\n");
}

static void mutable_config_in_order(void **state)
{
    struct fixture *f = *state;
    struct client a = { 0 }, b = { 0 };
    char text[ADDRESS_TEXT_MAX];
    f->nonce_delay_ms = 50;
    start(&a, f, "POST", "/mutable-config", "{\"gas_key_hex\":\"" GAS_KEY "\"}");
    run_until(&f->loop, &f->asked);
    start(&b, f, "POST", "/mutable-config", "{\"gas_key_hex\":\"" GAS_KEY_2 "\"}");
    (void)client_wait(&a, &f->loop);
    (void)client_wait(&b, &f->loop);
    assert_int_equal(client_status(&a), 200);
    assert_int_equal(client_status(&b), 200);
    assert_int_equal(f->set_calls, 2);
    assert_string_equal(address_lower(text, &f->id.gas_address), GAS_ADDRESS_2);
    client_end(&a);
    client_end(&b);
}

static void freed_while_waiting(void **state)
{
    struct fixture *f = *state;
    struct client a = { 0 };
    f->nonce_delay_ms = 60000;
    start(&a, f, "POST", "/mutable-config", "{\"gas_key_hex\":\"" GAS_KEY "\"}");
    run_until(&f->loop, &f->asked);
    api_free(f->api);
    f->api = NULL;
    assert_int_equal(f->cancels, 1);
    (void)client_wait(&a, &f->loop);
    assert_int_equal(client_status(&a), 0);
    client_end(&a);
}

static void executor_details(void **state)
{
    struct fixture *f = *state;
    char enclave[ADDRESS_TEXT_MAX], pubkey[129], expected[512];
    static const char fmt[] = "{\"enclave_address\":\"%s\",\"enclave_public_key\":\"0x%s\",\"owner_address\":\"%s\","
                              "\"gas_address\":\"%s\"}";
    static const char *const zero = "0x0000000000000000000000000000000000000000";
    (void)address_lower(enclave, &f->enclave_key.address);
    (void)hex_encode(pubkey, f->enclave_key.pubkey, 64);
    (void)snprintf(expected, sizeof expected, fmt, enclave, pubkey, zero, zero);
    expect(f, "GET", "/executor-details", "", 200, expected);
    expect(f, "POST", "/immutable-config", "{\"owner_address_hex\":\"" OWNER "\"}", 200,
           "Immutable params configured!\n");
    expect(f, "POST", "/mutable-config", "{\"gas_key_hex\":\"" GAS_KEY "\"}", 200, "Mutable params configured!\n");
    (void)snprintf(expected, sizeof expected, fmt, enclave, pubkey, OWNER, GAS_ADDRESS);
    expect(f, "GET", "/executor-details", "", 200, expected);
}

/* The body's signature recovers to the enclave over the digest of what the body says. */
static void check_registration(struct fixture *f, const char *prefix, const char *hex_prefix)
{
    struct client c = { 0 };
    uint8_t digest[32];
    struct signature sig;
    struct address signer;
    struct err e = { 0 };
    start(&c, f, "GET", "/signed-registration-message", "");
    (void)client_wait(&c, &f->loop);
    const char *body = client_body(&c);
    char begin[256];
    (void)snprintf(begin, sizeof begin,
                   "%s\"job_capacity\":20,\"owner\":\"" OWNER "\",\"sign_timestamp\":1721388963,\"signature\":\"%s",
                   prefix, hex_prefix);
    assert_int_equal(client_status(&c), 200);
    assert_non_null(strstr(c.response, "\r\nContent-Type: application/json\r\n"));
    assert_memory_equal(body, begin, strlen(begin));
    assert_int_equal(strlen(body), strlen(begin) + 130 + 2);
    assert_string_equal(body + strlen(begin) + 130, "\"}");
    assert_int_equal(hex_decode(sig.b, body + strlen(begin), 130, NULL), HEX_OK);
    eip712_register(digest, &f->id.owner, 20, f->env, 1721388963);
    assert_int_equal(signature_recover_address(&signer, &sig, digest, &e), 0);
    assert_true(address_eq(&signer, &f->enclave_key.address));
    client_end(&c);
}

static void registration(void **state)
{
    struct fixture *f = *state;
    const char *path = "/signed-registration-message";
    expect(f, "GET", path, "", 400, "Immutable params not configured yet!\n");
    expect(f, "POST", "/immutable-config", "{\"owner_address_hex\":\"" OWNER "\"}", 200,
           "Immutable params configured!\n");
    expect(f, "GET", path, "", 400, "Mutable params not configured yet!\n");
    expect(f, "POST", "/mutable-config", "{\"gas_key_hex\":\"" GAS_KEY "\"}", 200, "Mutable params configured!\n");
    check_registration(f, "{", "");
    f->env = 1;
    check_registration(f, "{\"env\":1,", "0x");
    f->sign_error = "the chain has not said its generation yet";
    expect(f, "GET", path, "", 503,
           "Failed to sign the registration message: the chain has not said its generation yet\n");
}

static void paths_and_methods(void **state)
{
    struct fixture *f = *state;
    static const char *const wrong[][3] = {
        { "POST", "/", "GET, HEAD" },
        { "GET", "/immutable-config", "POST" },
        { "PUT", "/mutable-config", "POST" },
        { "DELETE", "/executor-details", "GET, HEAD" },
        { "POST", "/signed-registration-message", "GET, HEAD" },
    };
    expect(f, "GET", "/nothing", "", 404,
           "Unknown path, known ones are: / /immutable-config /mutable-config /executor-details "
           "/signed-registration-message /attestation/raw /attestation/hex\n");
    expect(f, "GET", "/executor-details/", "", 404,
           "Unknown path, known ones are: / /immutable-config /mutable-config /executor-details "
           "/signed-registration-message /attestation/raw /attestation/hex\n");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct client c = { 0 };
        char allow[64], text[128];
        (void)snprintf(allow, sizeof allow, "\r\nAllow: %s\r\n", wrong[i][2]);
        (void)snprintf(text, sizeof text, "Wrong method for %s, allowed: %s\n", wrong[i][1], wrong[i][2]);
        start(&c, f, wrong[i][0], wrong[i][1], "");
        (void)client_wait(&c, &f->loop);
        assert_int_equal(client_status(&c), 405);
        assert_non_null(strstr(c.response, allow));
        assert_string_equal(client_body(&c), text);
        client_end(&c);
    }
    struct client c = { 0 };
    start(&c, f, "HEAD", "/executor-details", "");
    (void)client_wait(&c, &f->loop);
    assert_int_equal(client_status(&c), 200);
    assert_string_equal(client_body(&c), "");
    client_end(&c);
}

/* ---- no trace of a key ---- */

#define MASK 0x5a

/* Sends a random gas key as `head` says and writes the key's 32 bytes, masked, to out. Runs in a child, so that this
 * process sees the key only where a node would. */
static void send_random_key(uint16_t port, int out, bool chunked, bool keep_open, bool wait)
{
    uint8_t key[32];
    char hex[65], request[512], answer[512];
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (getrandom(key, sizeof key, 0) != 32)
        _exit(1);
    key[0] &= 0x7f; /* below the curve order */
    (void)hex_encode(hex, key, 32);
    int n = chunked ? snprintf(request, sizeof request,
                               "POST /mutable-config HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "11\r\n{\"gas_key_hex\":\"0\r\n41\r\nx%s\r\n2\r\n\"}\r\n0\r\n\r\n",
                               hex)
                    : snprintf(request, sizeof request,
                               "POST /mutable-config HTTP/1.1\r\nHost: x\r\nContent-Length: 85\r\n\r\n"
                               "{\"gas_key_hex\": \"0x%s\"}",
                               hex);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || send(fd, request, (size_t)n, 0) != n ||
        (wait && (recv(fd, answer, sizeof answer, 0) <= 0 || strncmp(answer, "HTTP/1.1 200", 12) != 0)))
        _exit(2);
    if (!keep_open)
        (void)close(fd);
    for (size_t i = 0; i < sizeof key; i++)
        key[i] ^= MASK;
    if (write(out, key, sizeof key) != 32)
        _exit(3);
    (void)sleep(60); /* killed by the parent: keeps the connection as it is meanwhile */
    _exit(0);
}

static bool matches(const uint8_t *at, const uint8_t *masked, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((at[i] ^ MASK) != masked[i])
            return false;
    return true;
}

/* Counts where `masked` (len bytes) stands in this process's writable memory. */
static size_t traces(const uint8_t *masked, size_t len)
{
    enum { PIECE = 1 << 16 };
    static uint8_t window[PIECE];
    size_t found = 0;
    char line[512];
    uint64_t from, to;
    FILE *maps = fopen("/proc/self/maps", "r");
    int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    assert_true(maps && mem >= 0);
    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " rw", &from, &to) != 2 || !strstr(line, " rw") || to - from > 1u << 30)
            continue;
        for (uint64_t at = from; at < to; at += PIECE - len) {
            ssize_t n = pread(mem, window, PIECE, (off_t)at);
            bool own = at + PIECE > (uintptr_t)window && at < (uintptr_t)window + PIECE;
            for (ssize_t i = 0; !own && i + (ssize_t)len <= n; i++)
                found += matches(window + i, masked, len);
        }
    }
    (void)fclose(maps);
    (void)close(mem);
    return found;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    *(bool *)poll->data = true;
}

/* raw_kept: how often the key itself may be there: the hex text, never. Second halves are searched for, since the
 * allocator overwrites the first bytes of what is freed. */
static void leaves_no_trace(struct fixture *f, bool chunked, bool keep_open, size_t raw_kept)
{
    int fds[2];
    uint8_t masked[32], masked_hex[64];
    bool sent = false;
    uv_poll_t poll;
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0)
        send_random_key(api_port(f->api), fds[1], chunked, keep_open, raw_kept == 0);
    (void)close(fds[1]);
    (void)uv_poll_init(&f->loop, &poll, fds[0]);
    poll.data = &sent;
    (void)uv_poll_start(&poll, UV_READABLE, on_poll);
    run_until(&f->loop, &sent);
    run_until(&f->loop, &f->asked);
    uv_close((uv_handle_t *)&poll, NULL);
    for (int i = 0; i < 20; i++)
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(read(fds[0], masked, sizeof masked), 32);
    (void)close(fds[0]);
    for (size_t i = 0; i < 64; i++) {
        uint8_t byte = masked[i / 2] ^ MASK, nibble = i % 2 ? byte & 15 : byte >> 4;
        masked_hex[i] = (uint8_t) "0123456789abcdef"[nibble] ^ MASK;
    }
    size_t raw = traces(masked + 16, 16), hex = traces(masked_hex + 32, 32);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    assert_int_equal(f->set_calls, 1);
    assert_int_equal(raw, raw_kept);
    assert_int_equal(hex, 0);
}

static void no_trace_closed(void **state)
{
    leaves_no_trace(*state, false, false, 0);
}

static void no_trace_kept_open(void **state)
{
    leaves_no_trace(*state, false, true, 0);
}

static void no_trace_chunked(void **state)
{
    leaves_no_trace(*state, true, true, 0);
}

/* While the nonce is awaited the key is in one place. */
static void one_place_while_waiting(void **state)
{
    struct fixture *f = *state;
    f->nonce_delay_ms = 60000;
    leaves_no_trace(f, false, true, 1);
}

/* The search itself finds what is there. */
static void search_finds(void **state)
{
    (void)state;
    uint8_t masked[32];
    uint8_t *copy = xcalloc(1, 32);
    assert_int_equal(getrandom(masked, 32, 0), 32);
    for (size_t i = 0; i < 32; i++)
        copy[i] = masked[i] ^ MASK;
    assert_int_equal(traces(masked, 32), 1);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(root, set_up, tear_down),
        cmocka_unit_test_setup_teardown(immutable_config, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mutable_config, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mutable_config_encrypted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mutable_config_signed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mutable_config_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freed_while_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(executor_details, set_up, tear_down),
        cmocka_unit_test_setup_teardown(registration, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths_and_methods, set_up, tear_down),
        cmocka_unit_test(search_finds),
        cmocka_unit_test_setup_teardown(no_trace_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_trace_kept_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_trace_chunked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_place_while_waiting, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
