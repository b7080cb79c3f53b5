/* oyster-eif: enclave image files, built, described, verified and taken apart. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "eif_tool.h"

static const char help_text[] =
    "Usage: oyster-eif build --kernel FILE --ramdisk FILE [--ramdisk FILE...] --output FILE [options]\n"
    "       oyster-eif describe FILE [--json]\n"
    "       oyster-eif verify FILE [--pcr0 HEX] [--pcr1 HEX] [--pcr2 HEX] [--pcr8 HEX] [--signed] [--json]\n"
    "       oyster-eif extract FILE --directory DIR\n"
    "\n"
    "Enclave image files (EIF, version 4) of AWS Nitro Enclaves, and what the hypervisor measures of them: PCR0 "
    "(kernel,\n"
    "command line, all ramdisks), PCR1 (kernel, command line, first ramdisk), PCR2 (the other ramdisks), PCR8 "
    "(signing\n"
    "certificate). Nothing of AWS is needed to know them.\n"
    "\n"
    "build writes FILE in one step and prints its measurements:\n"
    "  --kernel FILE               the kernel (bzImage)\n"
    "  --cmdline TEXT              the kernel's command line (default: empty)\n"
    "  --cmdline-file FILE         the same from a file, without the newline at its end\n"
    "  --ramdisk FILE              a ramdisk; give it once for each, in order\n"
    "  --output FILE               where the image goes\n"
    "  --arch x86_64|aarch64       the architecture (default: x86_64)\n"
    "  --memory MIB                memory the image asks for by default (default: 1024)\n"
    "  --cpus N                    CPUs the image asks for by default (default: 2)\n"
    "  --name TEXT                 ImageName of the metadata (default: oyster-enclave)\n"
    "  --image-version TEXT        ImageVersion (default: the version of this program)\n"
    "  --kernel-version TEXT       KernelVersion (default: unknown)\n"
    "  --build-time SECONDS        BuildTime, seconds since 1970 (default: SOURCE_DATE_EPOCH, else 0)\n"
    "  --custom-metadata FILE      CustomMetadata: a JSON value (default: {})\n"
    "  --signing-certificate FILE  sign: a P-384 certificate in PEM\n"
    "  --private-key FILE          and its private key in PEM\n"
    "The same input gives the same file, bit by bit, unless it is signed: a signature is drawn anew each time, and "
    "the\n"
    "measurements stay the same.\n"
    "\n"
    "describe prints what a file holds; verify checks structure, checksum, signature (--signed: there must be one) and "
    "the\n"
    "measurements that are given; extract writes kernel, cmdline, ramdisk-N, metadata.json and signature.cbor to DIR.\n"
    "\n"
    "  --json          one JSON document instead of text\n"
    "  -h, --help      prints this and exits\n"
    "  -V, --version   prints the version and exits\n"
    "\n"
    "Exit status: 0 on success, 1 when a file is wrong or something failed, 2 when the command line is wrong.\n"
    "\n"
    "Example:\n"
    "  oyster-eif build --kernel bzImage --cmdline 'console=ttyS0 panic=-1' --ramdisk init.cpio.gz --output node.eif\n"
    "  oyster-eif verify node.eif --pcr0 \"$PCR0\"\n";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    { "build", cmd_build },
    { "describe", cmd_describe },
    { "verify", cmd_verify },
    { "extract", cmd_extract },
};

int fail(const struct err *e)
{
    (void)fprintf(stderr, "oyster-eif: %s\n", e->msg);
    return STATUS_FAILED;
}

int usage(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)fputs("oyster-eif: ", stderr);
    (void)vfprintf(stderr, fmt, ap);
    (void)fputs("\nTry 'oyster-eif --help'.\n", stderr);
    va_end(ap);
    return STATUS_USAGE;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return fputs(help_text, stdout) < 0 ? STATUS_FAILED : STATUS_OK;
        if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)
            return puts("oyster-eif " OYSTER_VERSION) < 0 ? STATUS_FAILED : STATUS_OK;
    }
    if (argc < 2)
        return usage("a command is missing: build, describe, verify or extract");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            int status = commands[i].run(argc - 1, argv + 1);
            return fflush(stdout) == 0 ? status : STATUS_FAILED;
        }
    return usage("unknown command \"%s\", expected build, describe, verify or extract", argv[1]);
}
