/* oyster-attestation-verifier: verifies attestation documents over HTTP and vouches for them with a secp256k1 key, so
 * that a contract need not check a chain of certificates itself. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "api/refusals.h"
#include "api/service.h"
#include "enclave/root.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/log.h"
#include "verify.h"

enum { EXIT_USAGE = 2 };

#define TEXT "text/plain; charset=utf-8"
#define JSON "application/json"
#define PORT_DEFAULT 1400

static const char help_text[] =
    "Usage: oyster-attestation-verifier --secp256k1-secret FILE --secp256k1-public FILE [options]\n"
    "\n"
    "Serves POST /verify/raw (a document's bytes) and POST /verify/hex (the same as hex, without 0x): what the "
    "attestation\n"
    "server of an enclave answers can be sent here as it is. A document that holds up to the root is answered 200 with "
    "a\n"
    "signed statement in JSON; one that does not, 401 with the reason; what is no hex, 400. GET / answers 200.\n"
    "\n"
    "Options:\n"
    "      --secp256k1-secret FILE  the key that signs: 32 raw bytes (oyster-keygen makes both files)\n"
    "      --secp256k1-public FILE  its public key: 64 raw bytes\n"
    "  -i, --ip ADDRESS             address to listen on (default: 127.0.0.1)\n"
    "  -p, --port PORT              port to listen on, 0 = any free one (default: 1400)\n"
    "      --root ROOT              the root that is trusted: a certificate (PEM, DER), its public key in a file or as "
    "192\n"
    "                               hex digits, or aws (default: aws)\n"
    "      --format legacy|image    what is answered and signed where a request does not say ?format= itself:\n"
    "                               legacy: Attestation(bytes enclavePubKey,bytes PCR0,bytes PCR1,bytes PCR2,\n"
    "                                                   uint256 timestampInMilliseconds)\n"
    "                               image:  Attestation(bytes32 imageId,uint64 timestampMs,bytes publicKey,bytes "
    "userData)\n"
    "                               (default: legacy)\n"
    "      --max-age SECONDS        refuse documents that are older, 0 = any age, for contracts judge it (default: 0)\n"
    "      --log-format logfmt|json (default: logfmt)\n"
    "  -h, --help                   prints this and exits\n"
    "  -V, --version                prints the version and exits\n"
    "\n"
    "Exit status: 0 when it was ended by SIGTERM or SIGINT, 1 when it cannot start, 2 when the command line is wrong.\n"
    "\n"
    "Example:\n"
    "  oyster-attestation-verifier --secp256k1-secret id.sec --secp256k1-public id.pub --ip 127.0.0.1 --port 1400\n"
    "  curl -s http://ENCLAVE:1300/attestation/raw |\n"
    "      curl -s -H 'Content-Type: application/octet-stream' --data-binary @- http://127.0.0.1:1400/verify/raw\n";

/* ---- requests ---- */

static void reply_text(struct http_reply *reply, int status, const char *text)
{
    http_reply_send(reply, status, TEXT, text, strlen(text));
}

static bool format_parse(enum verify_format *out, const char *word)
{
    if (strcmp(word, "legacy") != 0 && strcmp(word, "image") != 0)
        return false;
    *out = strcmp(word, "image") == 0 ? VERIFY_IMAGE : VERIFY_LEGACY;
    return true;
}

static void refuse(struct http_reply *reply, enum attestation_reason r, const struct err *e)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    buf_printf(&text, "error while verifying attestation: %s: %s (%s)\n", attestation_reason_name(r),
               attestation_reason_text(r), e->msg);
    log_info("refused", F_STR("reason", attestation_reason_name(r)), F_ERR(e));
    http_reply_send(reply, 401, TEXT, text.data, text.len);
}

static void verify(const struct verifier *v, const struct http_server_request *req, const uint8_t *document, size_t len,
                   struct http_reply *reply)
{
    CLEANUP(buf_free) struct buf out = { 0 };
    enum verify_format format = v->format;
    struct err e = { 0 };
    if (*req->query && (strncmp(req->query, "format=", 7) != 0 || !format_parse(&format, req->query + 7))) {
        reply_text(reply, 400, "expected no query, ?format=legacy or ?format=image\n");
        return;
    }
    enum attestation_reason r = verifier_answer(&out, v, format, document, len, clock_wall_ms(), &e);
    if (r != ATTESTATION_OK) {
        refuse(reply, r, &e);
        return;
    }
    log_info("verified", F_STR("format", format == VERIFY_LEGACY ? "legacy" : "image"), F_U64("bytes", len));
    http_reply_send(reply, 200, JSON, out.data, out.len);
}

static void verify_raw(const struct verifier *v, const struct http_server_request *req, struct http_reply *reply)
{
    verify(v, req, req->body, req->body_len, reply);
}

/* White space at the end is what files and shells leave there. */
static void verify_hex(const struct verifier *v, const struct http_server_request *req, struct http_reply *reply)
{
    CLEANUP(buf_free) struct buf document = { 0 };
    CLEANUP(buf_free) struct buf text = { 0 };
    size_t len = req->body_len, bad = 0;
    while (len > 0 && (req->body[len - 1] == '\n' || req->body[len - 1] == '\r'))
        len--;
    (void)buf_extend(&document, len / 2 + 1);
    enum hex_result r = hex_decode(document.data, len > 0 ? (const char *)req->body : "", len, &bad);
    if (r == HEX_OK) {
        verify(v, req, document.data, len / 2, reply);
        return;
    }
    buf_puts(&text, "error while decoding attestation doc from hex: ");
    if (r == HEX_ODD_LENGTH)
        buf_printf(&text, "%zu digits, an odd number\n", len);
    else
        buf_printf(&text, "character %zu is no hex digit\n", bad);
    http_reply_send(reply, 400, TEXT, text.data, text.len);
}

static void get_root(const struct verifier *v, const struct http_server_request *req, struct http_reply *reply)
{
    (void)v, (void)req;
    http_reply_send(reply, 200, NULL, NULL, 0);
}

/* A GET answers HEAD too; the server leaves the body out. */
static const struct {
    const char *path, *method, *allow;
    void (*answer)(const struct verifier *v, const struct http_server_request *req, struct http_reply *reply);
} routes[] = {
    { "/", "GET", "GET, HEAD", get_root },
    { "/verify/raw", "POST", "POST", verify_raw },
    { "/verify/hex", "POST", "POST", verify_hex },
};
#define N_ROUTES (sizeof routes / sizeof *routes)

static const char *path_at(size_t i)
{
    return i < N_ROUTES ? routes[i].path : NULL;
}

static void on_request(void *arg, const struct http_server_request *req, struct http_reply *reply)
{
    const char *method = strcmp(req->method, "HEAD") == 0 ? "GET" : req->method;
    for (size_t i = 0; i < N_ROUTES; i++) {
        if (strcmp(req->path, routes[i].path) != 0)
            continue;
        if (strcmp(method, routes[i].method) == 0)
            routes[i].answer(arg, req, reply);
        else
            refuse_method(reply, routes[i].path, routes[i].allow);
        return;
    }
    refuse_path(reply, path_at);
}

/* ---- start ---- */

struct options {
    const char *secret, *public, *ip, *root;
    uint16_t port;
    struct verifier verifier;
};

static int usage(const char *what, const char *value)
{
    (void)fprintf(stderr, "oyster-attestation-verifier: %s%s\nTry 'oyster-attestation-verifier --help'.\n", what,
                  value);
    return EXIT_USAGE;
}

static bool number(uint64_t *out, const char *text, uint64_t max)
{
    char *end = NULL;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    *out = v;
    return errno == 0 && *text >= '0' && *text <= '9' && *end == 0 && v <= max;
}

enum { OPT_SECRET = 256, OPT_PUBLIC, OPT_ROOT, OPT_FORMAT, OPT_MAX_AGE, OPT_LOG_FORMAT };

static int take_number(struct options *o, int c, const char *value)
{
    uint64_t v;
    if (!number(&v, value, c == 'p' ? UINT16_MAX : UINT32_MAX))
        return usage(c == 'p' ? "--port: expected 0 to 65535, found " : "--max-age: expected seconds, found ", value);
    if (c == 'p')
        o->port = (uint16_t)v;
    else
        o->verifier.max_age_ms = v * 1000;
    return -1;
}

static int take_log_format(const char *value)
{
    enum log_format format;
    if (!log_format_parse(&format, value))
        return usage("--log-format: expected logfmt or json, found ", value);
    log_init(format, LOG_INFO);
    return -1;
}

static int take_option(struct options *o, int c, const char *value)
{
    switch (c) {
    case OPT_SECRET:
        o->secret = value;
        return -1;
    case OPT_PUBLIC:
        o->public = value;
        return -1;
    case OPT_ROOT:
        o->root = value;
        return -1;
    case 'i':
        o->ip = value;
        return -1;
    case 'p':
    case OPT_MAX_AGE:
        return take_number(o, c, value);
    case OPT_FORMAT:
        return format_parse(&o->verifier.format, value) ? -1
                                                        : usage("--format: expected legacy or image, found ", value);
    case OPT_LOG_FORMAT:
        return take_log_format(value);
    case 'h':
        return fputs(help_text, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    case 'V':
        return puts("oyster-attestation-verifier " OYSTER_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    default:
        return usage("the command line is wrong", "");
    }
}

/* Returns -1 to go on, else the program's exit status. */
static int read_options(struct options *o, int argc, char **argv)
{
    static const struct option known[] = {
        { "secp256k1-secret", required_argument, NULL, OPT_SECRET },
        { "secp256k1-public", required_argument, NULL, OPT_PUBLIC },
        { "ip", required_argument, NULL, 'i' },
        { "port", required_argument, NULL, 'p' },
        { "root", required_argument, NULL, OPT_ROOT },
        { "format", required_argument, NULL, OPT_FORMAT },
        { "max-age", required_argument, NULL, OPT_MAX_AGE },
        { "log-format", required_argument, NULL, OPT_LOG_FORMAT },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { 0 },
    };
    int c, status = -1;
    while (status < 0 && (c = getopt_long(argc, argv, "i:p:hV", known, NULL)) != -1)
        status = take_option(o, c, optarg);
    if (status >= 0)
        return status;
    if (optind < argc)
        return usage("only options are expected, found ", argv[optind]);
    if (!o->secret || !o->public)
        return usage(o->secret ? "--secp256k1-public FILE is missing" : "--secp256k1-secret FILE is missing", "");
    return -1;
}

static int load(struct options *o, struct err *e)
{
    CLEANUP(buf_free) struct buf public = { 0 };
    struct verifier *v = &o->verifier;
    int rc = seckey_load(&v->key, o->secret, e);
    if (rc == 0)
        rc = file_read(&public, o->public, sizeof v->key.pubkey, e);
    if (rc < 0)
        return rc;
    if (public.len != sizeof v->key.pubkey || memcmp(public.data, v->key.pubkey, sizeof v->key.pubkey) != 0)
        return err_set(e, -EINVAL, "%s: not the public key of %s", o->public, o->secret);
    return root_key_load(v->root, o->root, e);
}

static int on_started(void *arg, uv_loop_t *loop, uint16_t port, struct err *e)
{
    (void)loop;
    (void)e;
    const struct verifier *v = arg;
    char address[ADDRESS_TEXT_MAX];
    log_info("listening", F_U64("port", port), F_STR("address", address_checksum(address, &v->key.address)),
             F_HEX("root", v->root, 8));
    return 0;
}

static void wipe(struct options *o)
{
    seckey_wipe(&o->verifier.key);
}

int main(int argc, char **argv)
{
    CLEANUP(wipe) struct options o = { .ip = "127.0.0.1", .port = PORT_DEFAULT, .root = "aws" };
    struct err e = { 0 };
    int status = read_options(&o, argc, argv);
    if (status >= 0)
        return status;
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 1, 1 }); /* a key lives here */
    (void)prctl(PR_SET_DUMPABLE, 0);
    int rc = load(&o, &e);
    if (rc == 0)
        rc = service_run(
            &(struct service){
                .ip = o.ip, .port = o.port, .handler = on_request, .started = on_started, .arg = &o.verifier },
            &e);
    if (rc < 0) {
        (void)fprintf(stderr, "oyster-attestation-verifier: %s\n", e.msg);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
