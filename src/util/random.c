#include "util/random.h"

#include <errno.h>
#include <sys/random.h>

int random_fill(uint8_t *out, size_t len, struct err *e)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = getrandom(out + done, len - done, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "getrandom");
        done += (size_t)n;
    }
    return 0;
}
