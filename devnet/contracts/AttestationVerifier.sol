// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Attestation, Attestations} from "./base/Attestation.sol";

/// Knows the enclaves that verify attestation documents: each by its key and by the image that it runs. A key is good
/// while it and its image are whitelisted. The first one is the admin's to whitelist, who has checked its attestation
/// document; others follow by an attestation that a good one has signed.
contract AttestationVerifier {
    address public immutable ADMIN;
    uint256 public immutable MAX_AGE; // seconds, of the attestations of verifiers

    mapping(bytes32 imageId => bool) public isWhitelistedImage;
    mapping(address key => bytes32 imageId) public imageOfKey; // zero: not a verifier

    event EnclaveImageWhitelisted(bytes32 indexed imageId, bytes PCR0, bytes PCR1, bytes PCR2);
    event EnclaveImageRevoked(bytes32 indexed imageId);
    event EnclaveKeyWhitelisted(address indexed key, bytes32 indexed imageId);
    event EnclaveKeyVerified(address indexed key, bytes32 indexed imageId);
    event EnclaveKeyRevoked(address indexed key);

    error AttestationVerifierInvalidAdmin();
    error AttestationVerifierImageNotWhitelisted();
    error AttestationVerifierKeyNotVerified();
    error AttestationVerifierAttestationTooOld();
    error AttestationVerifierPCRsInvalid();

    modifier onlyAdmin() {
        if (msg.sender != ADMIN) revert AttestationVerifierInvalidAdmin();
        _;
    }

    constructor(uint256 maxAge) {
        ADMIN = msg.sender;
        MAX_AGE = maxAge;
    }

    function whitelistEnclaveImage(bytes calldata PCR0, bytes calldata PCR1, bytes calldata PCR2) external onlyAdmin {
        if (PCR0.length != 48 || PCR1.length != 48 || PCR2.length != 48) revert AttestationVerifierPCRsInvalid();
        bytes32 imageId = Attestations.imageId(PCR0, PCR1, PCR2);
        isWhitelistedImage[imageId] = true;
        emit EnclaveImageWhitelisted(imageId, PCR0, PCR1, PCR2);
    }

    function revokeEnclaveImage(bytes32 imageId) external onlyAdmin {
        isWhitelistedImage[imageId] = false;
        emit EnclaveImageRevoked(imageId);
    }

    function whitelistEnclaveKey(bytes calldata publicKey, bytes32 imageId) external onlyAdmin {
        if (!isWhitelistedImage[imageId]) revert AttestationVerifierImageNotWhitelisted();
        address key = Attestations.addressOf(publicKey);
        imageOfKey[key] = imageId;
        emit EnclaveKeyWhitelisted(key, imageId);
    }

    function revokeEnclaveKey(address key) external onlyAdmin {
        delete imageOfKey[key];
        emit EnclaveKeyRevoked(key);
    }

    /// Another verifier: attested by one that is good, with an image that is whitelisted.
    function verifyEnclaveKey(bytes calldata signature, Attestation calldata attestation) external {
        bytes32 imageId = Attestations.imageId(attestation.PCR0, attestation.PCR1, attestation.PCR2);
        if (!isWhitelistedImage[imageId]) revert AttestationVerifierImageNotWhitelisted();
        if (attestation.timestampInMilliseconds / 1000 + MAX_AGE < block.timestamp) revert AttestationVerifierAttestationTooOld();
        verify(signature, attestation);
        address key = Attestations.addressOf(attestation.enclavePubKey);
        imageOfKey[key] = imageId;
        emit EnclaveKeyVerified(key, imageId);
    }

    /// Reverts unless a good verifier has signed the attestation. Whether its image and its age will do is the caller's
    /// to judge.
    function verify(bytes calldata signature, Attestation calldata attestation) public view {
        bytes32 imageId = imageOfKey[Attestations.signer(signature, attestation)];
        if (imageId == bytes32(0)) revert AttestationVerifierKeyNotVerified();
        if (!isWhitelistedImage[imageId]) revert AttestationVerifierImageNotWhitelisted();
    }
}
