/* The device of a Nitro Secure Module: the same ioctl, with the same pointers in its argument, as the real one's. By
 * FUSE a file, which any kernel can give: the bytes behind the pointers are read and written in the caller's memory,
 * which takes root rights. By CUSE a character device, where the kernel has that (Debian's has, as a module). */
#ifndef OYSTER_DEVNET_DEVICE_H
#define OYSTER_DEVNET_DEVICE_H

#include <uv.h>

#include "module.h"
#include "util/err.h"

struct device;

/* The device is there, at path. Called once, from device_open or from the loop. */
typedef void device_ready_fn(void *arg, const char *path);

/* Makes the device, served on the loop. cuse_name: /dev/<name> by CUSE; NULL: a file in a mount namespace of this
 * process, which others reach by way of /proc and which ends with it. module is borrowed. Returns NULL with e. */
struct device *device_open(uv_loop_t *loop, const char *cuse_name, const struct module *module, device_ready_fn *ready,
                           void *arg, struct err *e);

/* Takes it away. NULL allowed. */
void device_free(struct device *d);

#endif
