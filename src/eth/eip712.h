/* EIP-712 digests of the structs that the contracts and docs/api.md have: domains of name and version "1" only. Pure.
 */
#ifndef OYSTER_ETH_EIP712_H
#define OYSTER_ETH_EIP712_H

#include <stddef.h>
#include <stdint.h>

#include "eth/address.h"
#include "eth/u256.h"

/* Register of the domain marlin.oyster.Executors. env: -1 for generation 1 (no env field), else 0..255. */
void eip712_register(uint8_t digest[32], const struct address *owner, uint64_t job_capacity, int env,
                     uint64_t sign_timestamp_s);

/* SubmitOutput of the domain marlin.oyster.Jobs (both generations). */
void eip712_submit_output(uint8_t digest[32], struct u256 job_id, const void *output, size_t output_len,
                          uint64_t total_time_ms, uint8_t error_code, uint64_t sign_timestamp_s);

/* ConfigureGasKey of the domain marlin.oyster.Executor: an owner's word for a new gas key (docs/api.md). */
void eip712_configure_gas_key(uint8_t digest[32], const struct address *enclave, const struct address *gas_address,
                              uint64_t sign_timestamp_s);

/* Attestation of the domain marlin.oyster.AttestationVerifier. Each PCR is 48 bytes. */
void eip712_attestation(uint8_t digest[32], const uint8_t *pubkey, size_t pubkey_len, const uint8_t pcr0[48],
                        const uint8_t pcr1[48], const uint8_t pcr2[48], uint64_t timestamp_ms);

/* The newer Attestation of the same domain: (bytes32 imageId,uint64 timestampMs,bytes publicKey,bytes userData). */
void eip712_image_attestation(uint8_t digest[32], const uint8_t image_id[32], uint64_t timestamp_ms,
                              const uint8_t *pubkey, size_t pubkey_len, const uint8_t *user_data, size_t user_data_len);

#endif
