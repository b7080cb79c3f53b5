#include "workerd_dir.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool holds_workerd(const char *dir)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/workerd", dir);
    return n > 0 && (size_t)n < sizeof path && access(path, X_OK) == 0;
}

/* PREFIX/lib/oyster, where this program is PREFIX/bin/oysterctl. */
static bool beside_program(char out[PATH_MAX])
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return false;
    self[n] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(self, '/');
        if (!slash)
            return false;
        *slash = '\0';
    }
    n = snprintf(out, PATH_MAX, "%s/lib/oyster", self);
    return n > 0 && n < PATH_MAX;
}

const char *workerd_dir_find(void)
{
    static char installed[PATH_MAX];
    static const char *const places[] = {
        "/usr/local/lib/oyster",
        "/usr/lib/oyster",
        "node_modules/@cloudflare/workerd-linux-64/bin",
        "node_modules/@cloudflare/workerd-linux-arm64/bin",
    };
    if (beside_program(installed) && holds_workerd(installed))
        return installed;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (holds_workerd(places[i]))
            return places[i];
    return NULL;
}
