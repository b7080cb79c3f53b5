// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Attestation} from "./base/Attestation.sol";
import {ExecutorsBase} from "./base/ExecutorsBase.sol";

/// Generation 2: executors belong to an execution environment, and are drawn from that of the job.
contract ExecutorsGen2 is ExecutorsBase {
    bytes32 private constant REGISTER_TYPEHASH =
        keccak256("Register(address owner,uint256 jobCapacity,uint8 env,uint256 signTimestamp)");

    mapping(uint8 env => bool) public isTreeInitialized;

    event ExecutorRegistered(address indexed enclaveAddress, address indexed owner, uint256 jobCapacity, uint8 env);

    error ExecutorsUnsupportedEnv();

    modifier onlySupported(uint8 env) {
        if (!isTreeInitialized[env]) revert ExecutorsUnsupportedEnv();
        _;
    }

    constructor(Params memory p) ExecutorsBase(p) {}

    function initTree(uint8 env) external onlyAdmin {
        isTreeInitialized[env] = true;
    }

    function executors(address enclave)
        external
        view
        returns (
            uint256 jobCapacity,
            uint256 activeJobs,
            uint256 stakeAmount,
            address owner,
            bool draining,
            uint8 env
        )
    {
        Executor storage x = _executors[enclave];
        return (x.jobCapacity, x.activeJobs, x.stakeAmount, x.owner, x.draining, x.env);
    }

    function registerExecutor(
        bytes memory attestationSignature,
        Attestation memory attestation,
        uint256 jobCapacity,
        uint256 signTimestamp,
        bytes memory signature,
        uint256 stakeAmount,
        uint8 env
    ) external onlySupported(env) {
        Executor memory x = Executor(msg.sender, jobCapacity, 0, stakeAmount, false, env);
        _register(attestationSignature, attestation, x, signTimestamp, signature);
    }

    function selectExecutors(uint8 env, uint256 n) external onlyJobs onlySupported(env) returns (address[] memory) {
        return _select(env, n);
    }

    function _registrationHash(address owner, uint256 jobCapacity, uint8 env, uint256 signTimestamp)
        internal
        pure
        override
        returns (bytes32)
    {
        return keccak256(abi.encode(REGISTER_TYPEHASH, owner, jobCapacity, env, signTimestamp));
    }

    function _emitRegistered(address enclave, address owner, uint256 jobCapacity, uint8 env) internal override {
        emit ExecutorRegistered(enclave, owner, jobCapacity, env);
    }
}
