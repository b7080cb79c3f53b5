// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {AttestationVerifier} from "../AttestationVerifier.sol";
import {Attestation, Attestations} from "./Attestation.sol";

/// Accepts enclave keys that a verifier has attested to run one of the whitelisted images. Who a verifier is, the
/// AttestationVerifier contract knows.
abstract contract Attested {
    AttestationVerifier public immutable ATTESTATION_VERIFIER;
    uint256 public immutable ATTESTATION_MAX_AGE; // seconds
    address public immutable ADMIN;

    mapping(bytes32 imageId => bool) public isWhitelistedImage; // keccak256(PCR0 ‖ PCR1 ‖ PCR2)

    event EnclaveImageWhitelisted(bytes32 indexed imageId, bytes PCR0, bytes PCR1, bytes PCR2);
    event EnclaveImageRevoked(bytes32 indexed imageId);

    error ExecutorsNotAdmin();
    error AttestationAutherImageNotWhitelisted();
    error AttestationAutherAttestationTooOld();

    modifier onlyAdmin() {
        if (msg.sender != ADMIN) revert ExecutorsNotAdmin();
        _;
    }

    constructor(AttestationVerifier verifier, uint256 maxAge) {
        ATTESTATION_VERIFIER = verifier;
        ATTESTATION_MAX_AGE = maxAge;
        ADMIN = msg.sender;
    }

    function whitelistEnclaveImage(bytes calldata PCR0, bytes calldata PCR1, bytes calldata PCR2) external onlyAdmin {
        bytes32 imageId = Attestations.imageId(PCR0, PCR1, PCR2);
        isWhitelistedImage[imageId] = true;
        emit EnclaveImageWhitelisted(imageId, PCR0, PCR1, PCR2);
    }

    function revokeEnclaveImage(bytes32 imageId) external onlyAdmin {
        isWhitelistedImage[imageId] = false;
        emit EnclaveImageRevoked(imageId);
    }

    /// The address of the attested enclave key; reverts where the attestation is not good.
    function _attestedEnclave(bytes memory signature, Attestation memory a) internal view returns (address) {
        address enclave = Attestations.addressOf(a.enclavePubKey);
        if (!isWhitelistedImage[Attestations.imageId(a.PCR0, a.PCR1, a.PCR2)]) revert AttestationAutherImageNotWhitelisted();
        if (a.timestampInMilliseconds / 1000 + ATTESTATION_MAX_AGE < block.timestamp) revert AttestationAutherAttestationTooOld();
        ATTESTATION_VERIFIER.verify(signature, a);
        return enclave;
    }
}
