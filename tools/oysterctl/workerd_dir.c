#include "workerd_dir.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

const char *workerd_dir_find(void)
{
    static const char *const places[] = {
        "/usr/lib/oyster-serverless-executor",
        "/usr/local/lib/oyster-serverless-executor",
        "node_modules/@cloudflare/workerd-linux-64/bin",
        "node_modules/@cloudflare/workerd-linux-arm64/bin",
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/workerd", places[i]);
        if (access(path, X_OK) == 0)
            return places[i];
    }
    return NULL;
}
