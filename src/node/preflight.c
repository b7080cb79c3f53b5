#include "node/preflight.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enclave/nsm.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/log.h"
#include "worker/sandbox.h"

#define WORKERD_EXPECTED "expected the workerd program (the folder bin/ of its npm package holds it)"

static int check_workerd_file(const char *path, struct err *e)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return err_set(e, -errno, "%s: %s, " WORKERD_EXPECTED, path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EINVAL, "%s: not a regular file, " WORKERD_EXPECTED, path);
    if (access(path, X_OK) < 0)
        return err_set(e, -errno, "%s: not executable (%s), expected mode 0755", path, strerror(errno));
    if (st.st_size == 0)
        return err_set(e, -ENOEXEC, "%s: empty, " WORKERD_EXPECTED, path);
    return 0;
}

static int check_workerd(const char *dir, struct err *e)
{
    struct stat st;
    if (stat(dir, &st) < 0)
        return err_set(e, -errno, "%s: %s, expected a folder that holds workerd", dir, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return err_set(e, -ENOTDIR, "%s: not a folder, expected a folder that holds workerd", dir);
    struct buf path = { 0 };
    buf_printf(&path, "%s/workerd", dir);
    int rc = check_workerd_file(buf_cstr(&path), e);
    buf_free(&path);
    return rc;
}

int preflight_signer(struct seckey *key, bool *open_to_others, const struct config *c, struct err *e)
{
    struct stat st;
    if (seckey_load(key, c->enclave_signer_file, e) < 0)
        return err_wrap(e, "key enclave_signer_file");
    *open_to_others = stat(c->enclave_signer_file, &st) == 0 && st.st_mode & (S_IRWXG | S_IRWXO);
    return 0;
}

int preflight_workerd(const struct config *c, struct err *e)
{
    return check_workerd(c->workerd_runtime_path, e) < 0 ? err_wrap(e, "key workerd_runtime_path") : 0;
}

static int check_user_data(const char *path, struct err *e)
{
    CLEANUP(buf_free) struct buf data = { 0 };
    if (!path || file_read(&data, path, NSM_USER_DATA_MAX, e) == 0)
        return 0;
    return err_wrap(e, "key attestation_user_data_file");
}

int preflight_check(struct seckey *key, const struct config *c, struct err *e)
{
    uint32_t layers;
    bool open_to_others;
    if (sandbox_parse_layers(&layers, c->sandbox_allow_degraded, e) < 0)
        return err_wrap(e, "key sandbox_allow_degraded");
    int rc = preflight_signer(key, &open_to_others, c, e);
    if (rc < 0)
        return rc;
    if (open_to_others) /* inside an enclave it does not matter, elsewhere it may be an oversight: said, not refused */
        log_warn("signer_file_open_to_others", F_STR("path", c->enclave_signer_file), F_STR("expected", "mode 0600"));
    rc = preflight_workerd(c, e);
    if (rc < 0) {
        seckey_wipe(key);
        return rc;
    }
    rc = check_user_data(c->attestation_user_data_file, e);
    if (rc < 0)
        seckey_wipe(key);
    return rc;
}
