/* devnet-nsm: the Nitro hypervisor of a devnet, for machines without Nitro hardware. It makes a root of its own when it
 * starts (or has another's, whose key it is given), holds the measurements of the image that it is told to run, and
 * gives a Nitro Secure Module (device.h) whose documents say so. When the device is there it prints one line of JSON:
 * root (its public key), device (path), port (of what server.h serves). */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/service.h"
#include "device.h"
#include "hypervisor.h"
#include "server.h"
#include "util/hex.h"

struct program {
    struct hypervisor hypervisor;
    struct module module;
    const char *ip, *cuse_name, *root_key_file;
    uint16_t port;
    bool help;
    struct device *device;
};

static void on_ready(void *arg, const char *path)
{
    const struct program *p = arg;
    uint8_t key[P384_PUBLIC_BYTES];
    char text[2 * P384_PUBLIC_BYTES + 1];
    nitro_root_key(key, &p->hypervisor.root);
    (void)printf("{\"port\":%u,\"root\":\"%s\",\"device\":\"%s\"}\n", p->port, hex_encode(text, key, sizeof key), path);
    (void)fflush(stdout);
}

static int on_started(void *arg, uv_loop_t *loop, uint16_t port, struct err *e)
{
    struct program *p = arg;
    p->port = port;
    p->device = device_open(loop, p->cuse_name, &p->module, on_ready, p, e);
    return p->device ? 0 : e->code;
}

static void on_stopping(void *arg)
{
    struct program *p = arg;
    device_free(p->device);
    p->device = NULL;
}

static void on_request(void *arg, const struct http_server_request *req, struct http_reply *reply)
{
    struct program *p = arg;
    server_request(&p->hypervisor, req, reply);
}

static int usage(FILE *to, int status)
{
    (void)fputs(
        "Usage: devnet-nsm [OPTIONS]\n\n"
        "The Nitro hypervisor of a devnet: a root of its own, and a Nitro Secure Module that signs under it. Once the\n"
        "module is there, one line of JSON on standard output says port, root and device.\n\n"
        "  --pcr0 HEX, --pcr1 HEX, --pcr2 HEX  what the image measures as, 48 bytes each [default: zeros]\n"
        "  --root-key FILE                     the root's key as PEM; made there where it is missing\n"
        "  --cuse NAME                         a character device /dev/NAME rather than a file\n"
        "  --mood FILE                         while FILE holds \"error NAME\" or \"delay MS\", so does the module\n"
        "  --ip ADDRESS, --port PORT           where tests ask for documents [default: 127.0.0.1, any free one]\n"
        "  --help                              print this text\n",
        to);
    return status;
}

static bool read_port(uint16_t *out, const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    *out = (uint16_t)n;
    return *text >= '0' && *text <= '9' && !*end && n <= UINT16_MAX;
}

static bool read_pcr(struct hypervisor *h, int index, const char *hex)
{
    return hex_decode_exact(h->pcrs[index], SHA384_BYTES, hex, strlen(hex), NULL) == 0;
}

static bool read_options(struct program *p, int argc, char **argv)
{
    static const struct option known[] = {
        { "pcr0", required_argument, NULL, 0 },       { "pcr1", required_argument, NULL, 1 },
        { "pcr2", required_argument, NULL, 2 },       { "ip", required_argument, NULL, 'i' },
        { "port", required_argument, NULL, 'p' },     { "cuse", required_argument, NULL, 'c' },
        { "root-key", required_argument, NULL, 'r' }, { "mood", required_argument, NULL, 'm' },
        { "help", no_argument, NULL, 'h' },           { 0 },
    };
    int c;
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'i')
            p->ip = optarg;
        else if (c == 'c')
            p->cuse_name = optarg;
        else if (c == 'r')
            p->root_key_file = optarg;
        else if (c == 'm')
            p->module.mood_file = optarg;
        else if (c == 'h')
            p->help = true;
        else if (c == '?' || (c == 'p' && !read_port(&p->port, optarg)) ||
                 (c < IMAGE_PCRS && !read_pcr(&p->hypervisor, c, optarg)))
            return false;
    }
    return optind == argc;
}

int main(int argc, char **argv)
{
    struct program p = { .ip = "127.0.0.1" };
    struct err e = { 0 };
    if (!read_options(&p, argc, argv))
        return usage(stderr, 2);
    if (p.help)
        return usage(stdout, EXIT_SUCCESS);
    p.module.hypervisor = &p.hypervisor;
    const struct service service = {
        .ip = p.ip, .port = p.port, .handler = on_request, .started = on_started, .stopping = on_stopping, .arg = &p
    };
    int rc = hypervisor_init(&p.hypervisor, p.root_key_file, &e);
    if (rc == 0)
        rc = service_run(&service, &e);
    hypervisor_free(&p.hypervisor);
    if (rc < 0)
        (void)fprintf(stderr, "devnet-nsm: %s\n", e.msg);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
