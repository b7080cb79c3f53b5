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

/// Accepts enclave keys that a verifier has attested to run one known image.
abstract contract Attested {
    bytes32 private constant ATTESTATION_TYPEHASH = keccak256(
        "Attestation(bytes enclavePubKey,bytes PCR0,bytes PCR1,bytes PCR2,uint256 timestampInMilliseconds)"
    );

    address public immutable VERIFIER;
    bytes32 public immutable IMAGE_ID; // keccak256(PCR0 ‖ PCR1 ‖ PCR2)
    uint256 public immutable ATTESTATION_MAX_AGE; // seconds

    error AttestedKeyInvalid();
    error AttestedImageUnknown();
    error AttestedSignerInvalid();
    error AttestedTooOld();

    constructor(address verifier, bytes32 imageId, uint256 maxAge) {
        VERIFIER = verifier;
        IMAGE_ID = imageId;
        ATTESTATION_MAX_AGE = maxAge;
    }

    /// The address of the attested enclave key; reverts where the attestation is not good.
    function _attestedEnclave(bytes memory signature, Attestation memory a) internal view returns (address) {
        if (a.enclavePubKey.length != 64) revert AttestedKeyInvalid();
        if (keccak256(abi.encodePacked(a.PCR0, a.PCR1, a.PCR2)) != IMAGE_ID) revert AttestedImageUnknown();
        if (a.timestampInMilliseconds / 1000 + ATTESTATION_MAX_AGE < block.timestamp) revert AttestedTooOld();
        bytes32 structHash = keccak256(
            abi.encode(
                ATTESTATION_TYPEHASH,
                keccak256(a.enclavePubKey),
                keccak256(a.PCR0),
                keccak256(a.PCR1),
                keccak256(a.PCR2),
                a.timestampInMilliseconds
            )
        );
        bytes32 digest = Domain.digest("marlin.oyster.AttestationVerifier", structHash);
        if (ECDSA.recover(digest, signature) != VERIFIER) revert AttestedSignerInvalid();
        return address(uint160(uint256(keccak256(a.enclavePubKey))));
    }
}
