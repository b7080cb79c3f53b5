// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Attestation} from "./base/Attestation.sol";
import {ExecutorsBase} from "./base/ExecutorsBase.sol";

/// Generation 1: no execution environments.
contract ExecutorsGen1 is ExecutorsBase {
    bytes32 private constant REGISTER_TYPEHASH =
        keccak256("Register(address owner,uint256 jobCapacity,uint256 signTimestamp)");

    event ExecutorRegistered(address indexed enclaveAddress, address indexed owner, uint256 jobCapacity);

    constructor(Params memory p) ExecutorsBase(p) {}

    function executors(address enclave)
        external
        view
        returns (address owner, uint256 jobCapacity, uint256 activeJobs, uint256 stakeAmount, bool draining)
    {
        Executor storage x = _executors[enclave];
        return (x.owner, x.jobCapacity, x.activeJobs, x.stakeAmount, x.draining);
    }

    function registerExecutor(
        bytes memory attestationSignature,
        Attestation memory attestation,
        uint256 jobCapacity,
        uint256 signTimestamp,
        bytes memory signature,
        uint256 stakeAmount
    ) external {
        Executor memory x = Executor(msg.sender, jobCapacity, 0, stakeAmount, false, 0);
        _register(attestationSignature, attestation, x, signTimestamp, signature);
    }

    function selectExecutors(uint256 n) external onlyJobs returns (address[] memory) {
        return _select(0, n);
    }

    function _registrationHash(address owner, uint256 jobCapacity, uint8, uint256 signTimestamp)
        internal
        pure
        override
        returns (bytes32)
    {
        return keccak256(abi.encode(REGISTER_TYPEHASH, owner, jobCapacity, signTimestamp));
    }

    function _emitRegistered(address enclave, address owner, uint256 jobCapacity, uint8) internal override {
        emit ExecutorRegistered(enclave, owner, jobCapacity);
    }
}
