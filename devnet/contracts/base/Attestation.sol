// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

/// What a verifier enclave has read from an attestation document and vouches for.
struct Attestation {
    bytes enclavePubKey; // 64 bytes, no 0x04 in front
    bytes PCR0;
    bytes PCR1;
    bytes PCR2;
    uint256 timestampInMilliseconds;
}

/// EIP-712 domains of name and version alone: no chain id, no contract address.
library Domain {
    bytes32 private constant TYPEHASH = keccak256("EIP712Domain(string name,string version)");

    function digest(string memory name, bytes32 structHash) internal pure returns (bytes32) {
        bytes32 separator = keccak256(abi.encode(TYPEHASH, keccak256(bytes(name)), keccak256("1")));
        return MessageHashUtils.toTypedDataHash(separator, structHash);
    }
}

library Attestations {
    bytes32 private constant TYPEHASH = keccak256(
        "Attestation(bytes enclavePubKey,bytes PCR0,bytes PCR1,bytes PCR2,uint256 timestampInMilliseconds)"
    );

    error AttestationVerifierPubkeyLengthInvalid();

    /// The id that an image is whitelisted by.
    function imageId(bytes memory pcr0, bytes memory pcr1, bytes memory pcr2) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(pcr0, pcr1, pcr2));
    }

    /// The address of an enclave's public key.
    function addressOf(bytes memory publicKey) internal pure returns (address) {
        if (publicKey.length != 64) revert AttestationVerifierPubkeyLengthInvalid();
        return address(uint160(uint256(keccak256(publicKey))));
    }

    /// Who has signed a.
    function signer(bytes memory signature, Attestation memory a) internal pure returns (address) {
        bytes32 structHash = keccak256(
            abi.encode(
                TYPEHASH,
                keccak256(a.enclavePubKey),
                keccak256(a.PCR0),
                keccak256(a.PCR1),
                keccak256(a.PCR2),
                a.timestampInMilliseconds
            )
        );
        return ECDSA.recover(Domain.digest("marlin.oyster.AttestationVerifier", structHash), signature);
    }
}
