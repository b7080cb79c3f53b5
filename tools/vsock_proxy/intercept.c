#include "intercept.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/cleanup.h"

#define LOOPBACK "lo"
#define BACKLOG 1024
#define PROTOCOL 0x4f /* who made a route: nobody else uses this number */
#define LOCK "oyster-vsock-proxy egress"

/* ---- the route: local 0.0.0.0/0 dev lo src 127.0.0.1 ---- */

struct route_request {
    struct nlmsghdr head;
    struct rtmsg route;
    uint8_t attributes[64];
};

static void put_attribute(struct route_request *r, unsigned short type, uint32_t value)
{
    struct rtattr *a = (struct rtattr *)(void *)((uint8_t *)r + NLMSG_ALIGN(r->head.nlmsg_len));
    a->rta_type = type;
    a->rta_len = RTA_LENGTH(sizeof value);
    memcpy(RTA_DATA(a), &value, sizeof value);
    r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

/* Sends a request and reads the kernel's answer: 0 or a negative errno. */
static int ask_kernel(struct route_request *r)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        uint8_t rest[256];
    } answer;
    CLEANUP(fd_close_p) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0 || send(fd, r, r->head.nlmsg_len, 0) < 0)
        return -errno;
    ssize_t n = recv(fd, &answer, sizeof answer, 0);
    if (n < 0)
        return -errno;
    if ((size_t)n < offsetof(struct nlmsgerr, msg) + sizeof answer.head || answer.head.nlmsg_type != NLMSG_ERROR)
        return -EPROTO;
    return answer.error.error;
}

/* In the table `main`, so that a more special route of a machine that has a network after all goes first. */
static int change_route(uint16_t type, uint16_t flags)
{
    struct route_request r = {
        .head = { .nlmsg_len = NLMSG_LENGTH(sizeof r.route),
                  .nlmsg_type = type,
                  .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags) },
        .route = { .rtm_family = AF_INET,
                   .rtm_table = RT_TABLE_MAIN,
                   .rtm_protocol = PROTOCOL,
                   .rtm_scope = RT_SCOPE_HOST,
                   .rtm_type = RTN_LOCAL },
    };
    put_attribute(&r, RTA_OIF, if_nametoindex(LOOPBACK));
    put_attribute(&r, RTA_PREFSRC, htonl(INADDR_LOOPBACK));
    return ask_kernel(&r);
}

static int raise_loopback(struct err *e)
{
    struct ifreq request = { .ifr_name = LOOPBACK };
    CLEANUP(fd_close_p) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return err_sys(e, "interface " LOOPBACK);
    if (request.ifr_flags & IFF_UP)
        return 0;
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? err_sys(e, "interface " LOOPBACK " up") : 0;
}

static int add_route(struct intercept *i, struct err *e)
{
    if (raise_loopback(e) < 0)
        return e->code;
    int rc = change_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
    if (rc == -EEXIST && change_route(RTM_DELROUTE, 0) == 0) /* matches a route of ours alone */
        rc = change_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
    if (rc == -EEXIST)
        return err_set(e, rc, "this machine has a default route already, expected one without a network");
    if (rc < 0)
        return err_set(e, rc, "route of all addresses to " LOOPBACK ": %s", strerror(-rc));
    i->routed = true;
    return 0;
}

/* ---- the lookup program ---- */

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, command, attr, sizeof *attr);
}

/* A map of one socket. Returns its descriptor. */
static int make_map(int listener, struct err *e)
{
    uint32_t key = 0;
    uint64_t value = (uint64_t)listener;
    union bpf_attr create = { .map_type = BPF_MAP_TYPE_SOCKMAP, .key_size = 4, .value_size = 8, .max_entries = 1 };
    CLEANUP(fd_close_p) int map = bpf(BPF_MAP_CREATE, &create);
    if (map < 0)
        return err_sys(e, "socket map");
    union bpf_attr update = { .map_fd = (uint32_t)map };
    update.key = (uint64_t)(uintptr_t)&key;
    update.value = (uint64_t)(uintptr_t)&value;
    if (bpf(BPF_MAP_UPDATE_ELEM, &update) < 0)
        return err_sys(e, "socket map: put");
    return fd_steal(&map);
}

#define INSN(code_, dst, src, off_, imm_)                                                                              \
    {                                                                                                                  \
        .code = (code_), .dst_reg = (dst), .src_reg = (src), .off = (off_), .imm = (imm_)                              \
    }
#define MOVE(dst, src) INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define LOAD_FIELD(dst, field) INSN(BPF_LDX | BPF_MEM | BPF_W, dst, 6, offsetof(struct bpf_sk_lookup, field), 0)
#define CALL(function) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, function)
#define FIRST_BYTE_MASK ((int32_t)htonl(0xff000000))
#define LOOPBACK_NET ((int32_t)htonl(0x7f000000))

/* if (family == IPv4 && protocol == TCP && came over lo && destination is not 127/8) assign the socket of the map;
 * return SK_PASS. Jumps count from the next instruction; all lead to the last but one. */
static int load_program(int map, int loopback_index, struct err *e)
{
    const struct bpf_insn code[] = {
        MOVE(6, 1),
        LOAD_FIELD(2, family),
        INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 21, AF_INET),
        LOAD_FIELD(2, protocol),
        INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 19, IPPROTO_TCP),
        LOAD_FIELD(2, ingress_ifindex),
        INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 17, loopback_index),
        LOAD_FIELD(2, local_ip4),
        INSN(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, FIRST_BYTE_MASK),
        INSN(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 14, LOOPBACK_NET),
        INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0), /* the key */
        INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
        INSN(0, 0, 0, 0, 0),
        MOVE(2, 10),
        INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
        CALL(BPF_FUNC_map_lookup_elem),
        INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 7, 0),
        MOVE(7, 0),
        MOVE(1, 6),
        MOVE(2, 7),
        INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 0),
        CALL(BPF_FUNC_sk_assign),
        MOVE(1, 7),
        CALL(BPF_FUNC_sk_release),
        INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, SK_PASS),
        INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    static const char license[] = "Apache-2.0";
    union bpf_attr load = { .prog_type = BPF_PROG_TYPE_SK_LOOKUP, .expected_attach_type = BPF_SK_LOOKUP };
    load.insns = (uint64_t)(uintptr_t)code;
    load.insn_cnt = sizeof code / sizeof *code;
    load.license = (uint64_t)(uintptr_t)license;
    int program = bpf(BPF_PROG_LOAD, &load);
    return program < 0 ? err_sys(e, "socket lookup program (Linux 5.17, CAP_BPF and CAP_NET_ADMIN are needed)")
                       : program;
}

/* The program keeps the map, the link keeps the program. */
static int attach_program(struct intercept *i, struct err *e)
{
    CLEANUP(fd_close_p) int map = make_map(i->listener, e);
    if (map < 0)
        return map;
    CLEANUP(fd_close_p) int program = load_program(map, (int)if_nametoindex(LOOPBACK), e);
    if (program < 0)
        return program;
    CLEANUP(fd_close_p) int network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (network < 0)
        return err_sys(e, "open /proc/self/ns/net");
    union bpf_attr create = {
        .link_create = { .prog_fd = (uint32_t)program, .target_fd = (uint32_t)network, .attach_type = BPF_SK_LOOKUP }
    };
    i->link = bpf(BPF_LINK_CREATE, &create);
    return i->link < 0 ? err_sys(e, "socket lookup program: attach") : 0;
}

/* ---- all of it ---- */

/* A name that a network namespace has once, and that goes with the process. */
static int take_lock(struct intercept *i, struct err *e)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    memcpy(sa.sun_path + 1, LOCK, sizeof LOCK);
    i->lock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (i->lock >= 0 && bind(i->lock, (struct sockaddr *)&sa, sizeof sa) == 0)
        return 0;
    return errno == EADDRINUSE ? err_set(e, -EADDRINUSE, "another process does this here already") : err_sys(e, "lock");
}

static int open_listener(struct intercept *i, struct err *e)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    i->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (i->listener < 0 || bind(i->listener, (struct sockaddr *)&sa, sizeof sa) < 0 || listen(i->listener, BACKLOG) < 0)
        return err_sys(e, "listen on 127.0.0.1");
    return 0;
}

int intercept_open(struct intercept *out, struct err *e)
{
    *out = (struct intercept){ .listener = -1, .link = -1, .lock = -1 };
    if (take_lock(out, e) == 0 && open_listener(out, e) == 0 && add_route(out, e) == 0 && attach_program(out, e) == 0)
        return 0;
    intercept_close(out);
    return err_wrap(e, "egress");
}

void intercept_close(struct intercept *i)
{
    if (i->routed)
        (void)change_route(RTM_DELROUTE, 0);
    fd_close_p(&i->link);
    fd_close_p(&i->listener);
    fd_close_p(&i->lock);
    *i = (struct intercept){ .listener = -1, .link = -1, .lock = -1 };
}
