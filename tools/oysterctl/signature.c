#include "signature.h"

#include <stdio.h>
#include <string.h>

#include "eth/abi.h"
#include "eth/keccak.h"
#include "util/cleanup.h"
#include "util/hex.h"

#define PARTS_MAX 8
#define BYTES_SHOWN 48

/* type name, …; a tuple is (…) name. */
static const char *const calls[] = {
    "registerExecutor(bytes attestationSignature, (bytes enclavePubKey, bytes PCR0, bytes PCR1, bytes PCR2, uint256 "
    "timestampInMilliseconds) attestation, uint256 jobCapacity, uint256 signTimestamp, bytes signature, uint256 "
    "stakeAmount)",
    "registerExecutor(bytes attestationSignature, (bytes enclavePubKey, bytes PCR0, bytes PCR1, bytes PCR2, uint256 "
    "timestampInMilliseconds) attestation, uint256 jobCapacity, uint256 signTimestamp, bytes signature, uint256 "
    "stakeAmount, uint8 env)",
    "drainExecutor(address enclave)",
    "reviveExecutor(address enclave)",
    "deregisterExecutor(address enclave)",
    "addExecutorStake(address enclave, uint256 amount)",
    "removeExecutorStake(address enclave, uint256 amount)",
    "approve(address spender, uint256 amount)",
    "createJob(bytes32 codehash, bytes inputs, uint256 deadlineMs)",
    "createJob(uint8 env, bytes32 codehash, bytes inputs, uint256 deadlineMs)",
    "saveCodeInCallData(string code)",
};

struct known_error {
    const char *signature;
    const char *hint; /* what it means, and what to do */
};

static const struct known_error errors[] = {
    { "ExecutorsSignatureTooOld()", "the node's registration message is too old: is the node's clock right?" },
    { "ExecutorsInvalidSigner()",
      "the registration message was not signed by this enclave for this sender: is the sending key the owner's?" },
    { "ExecutorsExecutorAlreadyExists()", "this enclave is registered already" },
    { "ExecutorsAlreadyDraining()", "the executor is draining already" },
    { "ExecutorsAlreadyRevived()", "the executor is not draining" },
    { "ExecutorsNotDraining()", "drain the executor first (oysterctl drain)" },
    { "ExecutorsHasPendingJobs()", "the executor still has jobs: wait until it is drained (oysterctl wait --drained)" },
    { "ExecutorsInvalidOwner()", "the sender does not own this executor" },
    { "ExecutorsUnsupportedEnv()", "the contract has no such execution environment" },
    { "ExecutorsNotAdmin()", "for the contract's admin only" },
    { "ExecutorsNotJobs()", "for the Jobs contract only" },
    { "AttestationAutherPubkeyLengthInvalid()", "the attested public key is not of 64 bytes" },
    { "AttestationAutherPCRsInvalid()", "a PCR is not of 48 bytes" },
    { "AttestationAutherImageNotWhitelisted()", "the contract does not know this image (its PCRs)" },
    { "AttestationAutherImageNotInFamily()", "the image is not of the family that the contract wants" },
    { "AttestationAutherKeyNotVerified()", "the enclave key is not verified" },
    { "AttestationAutherAttestationTooOld()", "the attestation is too old: make a new one" },
    { "AttestationVerifierInvalidAdmin()", "" },
    { "AttestationVerifierPubkeyLengthInvalid()", "the attested public key is not of 64 bytes" },
    { "AttestationVerifierPubkeyInvalid()", "the attested public key is not right" },
    { "AttestationVerifierPCRsInvalid()", "a PCR is not of 48 bytes" },
    { "AttestationVerifierAttestationTooOld()", "the attestation is too old: make a new one" },
    { "AttestationVerifierImageNotWhitelisted()", "the contract does not know this verifier's image" },
    { "AttestationVerifierKeyNotVerified()", "the contract does not trust this verifier" },
    { "AttestationVerifierDoesNotMatch()", "the contract does not trust this verifier" },
    { "JobsSignatureTooOld()", "the answer's signature is too old" },
    { "JobsExecutionTimeOver()", "the time to answer is over" },
    { "JobsNotSelectedExecutor()", "this executor was not selected for the job" },
    { "JobsExecutorAlreadySubmittedOutput()", "this executor has answered already" },
    { "JobsUnavailableResources()", "not enough executors have room for a job now" },
    { "JobsInvalidJob()", "there is no such job" },
    { "JobsDeadlineNotOver()", "the job's deadline is not over" },
    { "JobsUnsupportedEnv()", "the contract has no such execution environment" },
    { "JobOwnerNotAdmin()", "only the contract's admin may create jobs through it" },
    { "ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)", "the sender holds too few tokens" },
    { "ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)",
      "the contract may not take so many tokens: approve more" },
    { "ERC20InvalidSpender(address spender)", "" },
    { "ERC20InvalidReceiver(address receiver)", "" },
    { "SafeERC20FailedOperation(address token)", "the token refused the transfer" },
    { "ECDSAInvalidSignature()", "a signature is not one" },
    { "ECDSAInvalidSignatureLength(uint256 length)", "a signature is not of 65 bytes" },
    { "ECDSAInvalidSignatureS(bytes32 s)", "a signature has a high s" },
    { "AddressEmptyCode(address target)", "there is no contract at that address" },
    { "FailedInnerCall()", "" },
    { "AccessControlUnauthorizedAccount(address account, bytes32 role)", "the sender lacks a role" },
    { "OwnableUnauthorizedAccount(address account)", "the sender is not the contract's owner" },
    { "EnforcedPause()", "the contract is paused" },
    { "ReentrancyGuardReentrantCall()", "" },
    { "Error(string reason)", "" },
    { "Panic(uint256 code)", "" },
};
#define N_ERRORS (sizeof errors / sizeof *errors)

/* ---- signatures ---- */

struct span {
    const char *at;
    size_t len;
};

/* What stands between the outermost parentheses that begin at text, and where the rest begins. */
static struct span inside(const char *text, const char **rest)
{
    size_t depth = 0, i = 0;
    do {
        depth += text[i] == '(';
        depth -= text[i] == ')';
        i++;
    } while (depth && text[i]);
    *rest = text + i;
    return (struct span){ text + 1, i - 2 };
}

/* Splits at the commas of the outermost level. */
static size_t split(struct span out[PARTS_MAX], struct span list)
{
    size_t n = 0, depth = 0, begin = 0;
    for (size_t i = 0; i <= list.len && n < PARTS_MAX; i++) {
        char c = i < list.len ? list.at[i] : ',';
        depth += c == '(';
        depth -= c == ')';
        if (c != ',' || depth || i == begin)
            continue;
        out[n++] = (struct span){ list.at + begin, i - begin };
        begin = i + 1;
        while (begin < list.len && list.at[begin] == ' ')
            begin++;
    }
    return n;
}

/* "uint256 amount" → the type and the name behind the last blank. */
static void part_split(struct span *type, struct span *name, struct span part)
{
    size_t i = part.len;
    while (i > 0 && part.at[i - 1] != ' ')
        i--;
    *name = (struct span){ part.at + i, part.len - i };
    *type = (struct span){ part.at, i ? i - 1 : 0 };
}

/* Appends the types alone: "(bytes,uint256)". */
static void put_types(struct buf *to, struct span list)
{
    struct span parts[PARTS_MAX], type, name;
    size_t n = split(parts, list);
    buf_push(to, '(');
    for (size_t i = 0; i < n; i++) {
        part_split(&type, &name, parts[i]);
        if (i)
            buf_push(to, ',');
        if (type.at[0] == '(')
            put_types(to, (struct span){ type.at + 1, type.len - 2 });
        else
            buf_append(to, type.at, type.len);
    }
    buf_push(to, ')');
}

static void selector_of(uint8_t out[4], const char *signature)
{
    CLEANUP(buf_free) struct buf canonical = { 0 };
    const char *open = strchr(signature, '('), *rest;
    uint8_t hash[32];
    buf_append(&canonical, signature, (size_t)(open - signature));
    put_types(&canonical, inside(open, &rest));
    keccak256(hash, canonical.data, canonical.len);
    memcpy(out, hash, 4);
}

static bool selects(const char *signature, const uint8_t *data, size_t len)
{
    uint8_t selector[4];
    if (len < 4)
        return false;
    selector_of(selector, signature);
    return memcmp(selector, data, 4) == 0;
}

/* ---- values ---- */

static bool span_is(struct span s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

static void put_bytes(struct buf *to, const uint8_t *data, size_t len)
{
    hex_append0x(to, data, len < BYTES_SHOWN ? len : BYTES_SHOWN);
    if (len > BYTES_SHOWN)
        buf_printf(to, "… (%zu bytes)", len);
}

static void put_string(struct buf *to, const uint8_t *data, size_t len)
{
    size_t shown = len < 200 ? len : 200;
    buf_push(to, '"');
    for (size_t i = 0; i < shown; i++)
        if (data[i] >= 0x20 && data[i] < 0x7f)
            buf_push(to, data[i]);
        else
            buf_puts(to, data[i] == '\n' ? " " : "?");
    buf_push(to, '"');
    if (len > shown)
        buf_printf(to, "… (%zu bytes)", len);
}

static bool put_dynamic(struct buf *to, bool text, struct abi_view v, size_t i)
{
    const uint8_t *data;
    size_t len;
    if (abi_get_bytes(&data, &len, v, i, NULL) < 0)
        return false;
    if (text)
        put_string(to, data, len);
    else
        put_bytes(to, data, len);
    return true;
}

static bool put_address(struct buf *to, struct abi_view v, size_t i)
{
    struct address a;
    char text[ADDRESS_TEXT_MAX];
    if (abi_get_address(&a, v, i, NULL) < 0)
        return false;
    buf_puts(to, address_checksum(text, &a));
    return true;
}

static bool put_number(struct buf *to, struct abi_view v, size_t i)
{
    struct u256 n;
    char text[U256_DEC_MAX];
    if (abi_get_u256(&n, v, i, NULL) < 0)
        return false;
    buf_puts(to, u256_to_dec(text, n));
    return true;
}

/* Appends the i-th value. Returns false where the data are not what the type says. */
static bool put_value(struct buf *to, struct span type, struct abi_view v, size_t i)
{
    const uint8_t *word;
    if (span_is(type, "bytes") || span_is(type, "string"))
        return put_dynamic(to, type.at[0] == 's', v, i);
    if (span_is(type, "address"))
        return put_address(to, v, i);
    if (!span_is(type, "bytes32"))
        return put_number(to, v, i);
    if (abi_get_word(&word, v, i, NULL) < 0)
        return false;
    put_bytes(to, word, 32);
    return true;
}

/* Where the i-th argument, a tuple with a dynamic member, lies. */
static bool tuple_view(struct abi_view *out, struct abi_view v, size_t i)
{
    uint64_t offset;
    if (abi_get_u64(&offset, v, i, NULL) < 0 || offset > v.len)
        return false;
    *out = (struct abi_view){ v.data + offset, v.len - offset };
    return true;
}

/* Called for each argument that is no tuple, in order. */
typedef void argument_fn(void *arg, const char *name, const char *value);

static void each_argument(struct span list, struct abi_view v, const char *prefix, argument_fn *fn, void *arg)
{
    struct span parts[PARTS_MAX], type, name;
    size_t n = split(parts, list);
    for (size_t i = 0; i < n; i++) {
        CLEANUP(buf_free) struct buf value = { 0 };
        char full[128];
        struct abi_view inner;
        part_split(&type, &name, parts[i]);
        (void)snprintf(full, sizeof full, "%s%s%.*s", prefix, *prefix ? "." : "", (int)name.len, name.at);
        if (type.at[0] == '(') {
            if (tuple_view(&inner, v, i))
                each_argument((struct span){ type.at + 1, type.len - 2 }, inner, full, fn, arg);
            continue;
        }
        if (!put_value(&value, type, v, i))
            buf_puts(&value, "(not as the signature says)");
        fn(arg, full, buf_cstr(&value));
    }
}

static void arguments_of(const char *signature, const uint8_t *data, size_t len, argument_fn *fn, void *arg)
{
    const char *rest;
    struct abi_view v = { data + 4, len - 4 };
    each_argument(inside(strchr(signature, '('), &rest), v, "", fn, arg);
}

/* ---- calls ---- */

static const char *call_find(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (selects(calls[i], data, len))
            return calls[i];
    return NULL;
}

static void argument_out(void *arg, const char *name, const char *value)
{
    out_str(arg, name, value);
}

void signature_out_call(struct out *o, const uint8_t *data, size_t len)
{
    const char *signature = call_find(data, len);
    if (!signature) {
        out_str(o, "function", "unknown");
        return;
    }
    out_strn(o, "function", signature, strcspn(signature, "("));
    out_object(o, "arguments");
    arguments_of(signature, data, len, argument_out, o);
    out_end(o);
}

static void argument_text(void *arg, const char *name, const char *value)
{
    buf_printf(arg, "  %s: %s\n", name, value);
}

void signature_text_call(struct buf *to, const uint8_t *data, size_t len)
{
    const char *signature = call_find(data, len);
    if (!signature) {
        buf_puts(to, "unknown\n");
        return;
    }
    buf_printf(to, "%.*s\n", (int)strcspn(signature, "("), signature);
    arguments_of(signature, data, len, argument_text, to);
}

/* ---- errors ---- */

/* Solidity documentation, "Panic via assert and Error via require". */
static const char *panic_meaning(uint64_t code)
{
    static const struct {
        uint64_t code;
        const char *meaning;
    } known[] = {
        { 0x01, "an assertion failed" },       { 0x11, "arithmetic overflow or underflow" },
        { 0x12, "division by zero" },          { 0x21, "a value that is not of its enum" },
        { 0x22, "badly encoded storage" },     { 0x31, "pop of an empty array" },
        { 0x32, "index out of bounds" },       { 0x41, "out of memory" },
        { 0x51, "call of an unset function" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].code == code)
            return known[i].meaning;
    return "unknown code";
}

struct list {
    struct buf *to;
    size_t n;
};

static void argument_listed(void *arg, const char *name, const char *value)
{
    struct list *l = arg;
    buf_printf(l->to, "%s%s %s", l->n++ ? ", " : "", name, value);
}

static void put_known_error(struct buf *to, const struct known_error *known, const uint8_t *data, size_t len)
{
    struct list l = { .to = to };
    uint64_t code;
    buf_printf(to, "%.*s(", (int)strcspn(known->signature, "("), known->signature);
    arguments_of(known->signature, data, len, argument_listed, &l);
    buf_push(to, ')');
    if (strncmp(known->signature, "Panic(", 6) == 0 &&
        abi_get_u64(&code, (struct abi_view){ data + 4, len - 4 }, 0, NULL) == 0)
        buf_printf(to, ": %s", panic_meaning(code));
    if (*known->hint)
        buf_printf(to, ": %s", known->hint);
}

bool signature_text_error(struct buf *to, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < N_ERRORS; i++)
        if (selects(errors[i].signature, data, len)) {
            put_known_error(to, &errors[i], data, len);
            return true;
        }
    if (len == 0)
        buf_puts(to, "no reason given");
    else {
        buf_puts(to, "unknown error ");
        put_bytes(to, data, len);
    }
    return false;
}

static bool signature_ok(const char *signature)
{
    const char *open = strchr(signature, '('), *rest;
    if (!open || open == signature)
        return false;
    (void)inside(open, &rest);
    return *rest == 0;
}

bool signature_tables_ok(void)
{
    bool ok = true;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        ok = ok && signature_ok(calls[i]);
    for (size_t i = 0; i < N_ERRORS; i++)
        ok = ok && signature_ok(errors[i].signature);
    return ok;
}
