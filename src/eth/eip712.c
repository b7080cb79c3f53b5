#include "eth/eip712.h"

#include <string.h>

#include "eth/keccak.h"

#define DOMAIN_TYPE "EIP712Domain(string name,string version)"
#define REGISTER_GEN1_TYPE "Register(address owner,uint256 jobCapacity,uint256 signTimestamp)"
#define REGISTER_GEN2_TYPE "Register(address owner,uint256 jobCapacity,uint8 env,uint256 signTimestamp)"
#define SUBMIT_OUTPUT_TYPE                                                                                             \
    "SubmitOutput(uint256 jobId,bytes output,uint256 totalTime,uint8 errorCode,uint256 signTimestamp)"
#define ATTESTATION_TYPE                                                                                               \
    "Attestation(bytes enclavePubKey,bytes PCR0,bytes PCR1,bytes PCR2,uint256 timestampInMilliseconds)"

#define CONFIGURE_GAS_KEY_TYPE "ConfigureGasKey(address enclave,address gasAddress,uint256 signTimestamp)"

#define IMAGE_ATTESTATION_TYPE "Attestation(bytes32 imageId,uint64 timestampMs,bytes publicKey,bytes userData)"

#define WORDS_MAX 6 /* the type hash and up to five members */

/* encodeData of a struct: each member is one word; bytes and strings enter as their hash. */
struct encoded {
    uint8_t words[WORDS_MAX][32];
    size_t n;
};

static void put_hash(struct encoded *s, const void *data, size_t len)
{
    keccak256(s->words[s->n++], data, len);
}

static void put_u256(struct encoded *s, struct u256 v)
{
    u256_to_be(s->words[s->n++], v);
}

static void put_u64(struct encoded *s, uint64_t v)
{
    put_u256(s, u256_from_u64(v));
}

static void put_address(struct encoded *s, const struct address *a)
{
    memcpy(s->words[s->n++] + 12, a->b, sizeof a->b);
}

static void hash_struct(uint8_t out[32], const struct encoded *s)
{
    keccak256(out, s->words, 32 * s->n);
}

static void finish(uint8_t digest[32], const char *domain_name, const struct encoded *message)
{
    struct encoded domain = { 0 };
    uint8_t separator[32], inner[32];
    put_hash(&domain, DOMAIN_TYPE, strlen(DOMAIN_TYPE));
    put_hash(&domain, domain_name, strlen(domain_name));
    put_hash(&domain, "1", 1);
    hash_struct(separator, &domain);
    hash_struct(inner, message);
    const struct keccak_part parts[] = { { "\x19\x01", 2 }, { separator, 32 }, { inner, 32 } };
    keccak256_parts(digest, parts, 3);
}

void eip712_register(uint8_t digest[32], const struct address *owner, uint64_t job_capacity, int env,
                     uint64_t sign_timestamp_s)
{
    struct encoded s = { 0 };
    const char *type = env < 0 ? REGISTER_GEN1_TYPE : REGISTER_GEN2_TYPE;
    put_hash(&s, type, strlen(type));
    put_address(&s, owner);
    put_u64(&s, job_capacity);
    if (env >= 0)
        put_u64(&s, (uint64_t)env);
    put_u64(&s, sign_timestamp_s);
    finish(digest, "marlin.oyster.Executors", &s);
}

void eip712_submit_output(uint8_t digest[32], struct u256 job_id, const void *output, size_t output_len,
                          uint64_t total_time_ms, uint8_t error_code, uint64_t sign_timestamp_s)
{
    struct encoded s = { 0 };
    put_hash(&s, SUBMIT_OUTPUT_TYPE, strlen(SUBMIT_OUTPUT_TYPE));
    put_u256(&s, job_id);
    put_hash(&s, output, output_len);
    put_u64(&s, total_time_ms);
    put_u64(&s, error_code);
    put_u64(&s, sign_timestamp_s);
    finish(digest, "marlin.oyster.Jobs", &s);
}

void eip712_attestation(uint8_t digest[32], const uint8_t *pubkey, size_t pubkey_len, const uint8_t pcr0[48],
                        const uint8_t pcr1[48], const uint8_t pcr2[48], uint64_t timestamp_ms)
{
    struct encoded s = { 0 };
    put_hash(&s, ATTESTATION_TYPE, strlen(ATTESTATION_TYPE));
    put_hash(&s, pubkey, pubkey_len);
    put_hash(&s, pcr0, 48);
    put_hash(&s, pcr1, 48);
    put_hash(&s, pcr2, 48);
    put_u64(&s, timestamp_ms);
    finish(digest, "marlin.oyster.AttestationVerifier", &s);
}

void eip712_configure_gas_key(uint8_t digest[32], const struct address *enclave, const struct address *gas_address,
                              uint64_t sign_timestamp_s)
{
    struct encoded s = { 0 };
    put_hash(&s, CONFIGURE_GAS_KEY_TYPE, strlen(CONFIGURE_GAS_KEY_TYPE));
    put_address(&s, enclave);
    put_address(&s, gas_address);
    put_u64(&s, sign_timestamp_s);
    finish(digest, "marlin.oyster.Executor", &s);
}

void eip712_image_attestation(uint8_t digest[32], const uint8_t image_id[32], uint64_t timestamp_ms,
                              const uint8_t *pubkey, size_t pubkey_len, const uint8_t *user_data, size_t user_data_len)
{
    struct encoded s = { 0 };
    put_hash(&s, IMAGE_ATTESTATION_TYPE, strlen(IMAGE_ATTESTATION_TYPE));
    memcpy(s.words[s.n++], image_id, 32);
    put_u64(&s, timestamp_ms);
    put_hash(&s, pubkey, pubkey_len);
    put_hash(&s, user_data, user_data_len);
    finish(digest, "marlin.oyster.AttestationVerifier", &s);
}
