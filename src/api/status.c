#include "api/status.h"

#include <stdlib.h>

void node_status_free(struct node_status *s)
{
    free(s->endpoints);
    free(s->open_jobs);
    *s = (struct node_status){ 0 };
}
