// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {AttestationVerifier} from "../AttestationVerifier.sol";
import {Attestation, Domain} from "./Attestation.sol";
import {Attested} from "./Attested.sol";

/// The rules that both generations of the Executors contract share: who may work, for whom, with what stake, and who
/// is drawn for a job. A generation adds its own registration call, its events and the layout of its views.
abstract contract ExecutorsBase is Attested {
    using SafeERC20 for IERC20;

    struct Params {
        IERC20 token;
        uint256 minStakeAmount;
        uint256 slashPercentInBips; // of SLASH_MAX_BIPS
        uint256 signMaxAge; // seconds
        AttestationVerifier attestationVerifier;
        uint256 attestationMaxAge; // seconds
    }

    struct Executor {
        address owner; // zero: not registered
        uint256 jobCapacity;
        uint256 activeJobs;
        uint256 stakeAmount;
        bool draining;
        uint8 env;
    }

    uint256 public constant SLASH_MAX_BIPS = 1e6;

    IERC20 public immutable TOKEN;
    uint256 public immutable MIN_STAKE_AMOUNT;
    uint256 public immutable SLASH_PERCENT_IN_BIPS;
    uint256 public immutable SIGN_MAX_AGE;

    address public jobsContract;
    mapping(address enclave => Executor) internal _executors;
    address[] internal _enclaves;
    uint256 private _draws;

    event ExecutorDeregistered(address indexed enclaveAddress);
    event ExecutorDrained(address indexed enclaveAddress);
    event ExecutorRevived(address indexed enclaveAddress);
    event ExecutorStakeAdded(address indexed enclaveAddress, uint256 addedAmount);
    event ExecutorStakeRemoved(address indexed enclaveAddress, uint256 removedAmount);

    error ExecutorsNotJobs();
    error ExecutorsSignatureTooOld();
    error ExecutorsInvalidSigner();
    error ExecutorsExecutorAlreadyExists();
    error ExecutorsAlreadyDraining();
    error ExecutorsAlreadyRevived();
    error ExecutorsNotDraining();
    error ExecutorsHasPendingJobs();
    error ExecutorsInvalidOwner();

    modifier onlyJobs() {
        if (msg.sender != jobsContract) revert ExecutorsNotJobs();
        _;
    }

    modifier onlyOwnerOf(address enclave) {
        if (_executors[enclave].owner != msg.sender) revert ExecutorsInvalidOwner();
        _;
    }

    constructor(Params memory p) Attested(p.attestationVerifier, p.attestationMaxAge) {
        TOKEN = p.token;
        MIN_STAKE_AMOUNT = p.minStakeAmount;
        SLASH_PERCENT_IN_BIPS = p.slashPercentInBips;
        SIGN_MAX_AGE = p.signMaxAge;
    }

    function setJobsContract(address jobs) external onlyAdmin {
        jobsContract = jobs;
    }

    // ---- for owners ----

    function drainExecutor(address enclave) external onlyOwnerOf(enclave) {
        if (_executors[enclave].draining) revert ExecutorsAlreadyDraining();
        _executors[enclave].draining = true;
        emit ExecutorDrained(enclave);
    }

    function reviveExecutor(address enclave) external onlyOwnerOf(enclave) {
        if (!_executors[enclave].draining) revert ExecutorsAlreadyRevived();
        _executors[enclave].draining = false;
        emit ExecutorRevived(enclave);
    }

    function deregisterExecutor(address enclave) external onlyOwnerOf(enclave) {
        _requireIdle(enclave);
        _removeStake(enclave, _executors[enclave].stakeAmount);
        delete _executors[enclave];
        _forget(enclave);
        emit ExecutorDeregistered(enclave);
    }

    function addExecutorStake(address enclave, uint256 amount) external onlyOwnerOf(enclave) {
        _addStake(enclave, amount);
    }

    function removeExecutorStake(address enclave, uint256 amount) external onlyOwnerOf(enclave) {
        _requireIdle(enclave);
        _removeStake(enclave, amount);
    }

    function getOwner(address enclave) external view returns (address) {
        return _executors[enclave].owner;
    }

    function allowOnlyVerified(address enclave) external view {
        if (_executors[enclave].owner == address(0)) revert ExecutorsInvalidSigner();
    }

    // ---- for the Jobs contract ----

    /// Ends one job of an executor that has answered.
    function releaseExecutor(address enclave) external onlyJobs {
        _executors[enclave].activeJobs -= 1;
    }

    /// Ends one job of an executor that has not answered; the stake it loses goes to the Jobs contract.
    function slashExecutor(address enclave) external onlyJobs returns (uint256 amount) {
        Executor storage x = _executors[enclave];
        amount = (x.stakeAmount * SLASH_PERCENT_IN_BIPS) / SLASH_MAX_BIPS;
        x.stakeAmount -= amount;
        x.activeJobs -= 1;
        TOKEN.safeTransfer(msg.sender, amount);
    }

    // ---- inside ----

    function _registrationHash(address owner, uint256 jobCapacity, uint8 env, uint256 signTimestamp)
        internal
        view
        virtual
        returns (bytes32);

    function _emitRegistered(address enclave, address owner, uint256 jobCapacity, uint8 env) internal virtual;

    function _register(
        bytes memory attestationSignature,
        Attestation memory attestation,
        Executor memory x,
        uint256 signTimestamp,
        bytes memory signature
    ) internal {
        address enclave = _attestedEnclave(attestationSignature, attestation);
        if (_executors[enclave].owner != address(0)) revert ExecutorsExecutorAlreadyExists();
        if (block.timestamp > signTimestamp + SIGN_MAX_AGE) revert ExecutorsSignatureTooOld();
        bytes32 structHash = _registrationHash(x.owner, x.jobCapacity, x.env, signTimestamp);
        if (ECDSA.recover(Domain.digest("marlin.oyster.Executors", structHash), signature) != enclave) {
            revert ExecutorsInvalidSigner();
        }
        uint256 stake = x.stakeAmount;
        x.stakeAmount = 0;
        _executors[enclave] = x;
        _enclaves.push(enclave);
        _emitRegistered(enclave, x.owner, x.jobCapacity, x.env);
        _addStake(enclave, stake);
    }

    /// Draws n different executors of env that may work now, each with a chance in proportion to its stake. Returns
    /// fewer than n when there are fewer.
    function _select(uint8 env, uint256 n) internal returns (address[] memory drawn) {
        (address[] memory able, uint256[] memory weights, uint256 total) = _able(env);
        if (n > able.length) n = able.length;
        drawn = new address[](n);
        for (uint256 i = 0; i < n; i++) {
            uint256 dart = uint256(keccak256(abi.encode(block.prevrandao, block.timestamp, _draws++))) % total;
            uint256 k = 0;
            while (dart >= weights[k]) dart -= weights[k++];
            drawn[i] = able[k];
            total -= weights[k];
            weights[k] = 0;
            _executors[able[k]].activeJobs += 1;
        }
    }

    function _able(uint8 env) private view returns (address[] memory able, uint256[] memory weights, uint256 total) {
        able = new address[](_enclaves.length);
        weights = new uint256[](_enclaves.length);
        uint256 n = 0;
        for (uint256 i = 0; i < _enclaves.length; i++) {
            Executor storage x = _executors[_enclaves[i]];
            if (x.draining || x.env != env || x.activeJobs >= x.jobCapacity) continue;
            if (x.stakeAmount < MIN_STAKE_AMOUNT || x.stakeAmount == 0) continue;
            able[n] = _enclaves[i];
            weights[n] = x.stakeAmount;
            total += x.stakeAmount;
            n++;
        }
        assembly {
            mstore(able, n)
            mstore(weights, n)
        }
    }

    function _addStake(address enclave, uint256 amount) private {
        _executors[enclave].stakeAmount += amount;
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        emit ExecutorStakeAdded(enclave, amount);
    }

    function _removeStake(address enclave, uint256 amount) private {
        _executors[enclave].stakeAmount -= amount;
        TOKEN.safeTransfer(msg.sender, amount);
        emit ExecutorStakeRemoved(enclave, amount);
    }

    function _requireIdle(address enclave) private view {
        if (!_executors[enclave].draining) revert ExecutorsNotDraining();
        if (_executors[enclave].activeJobs != 0) revert ExecutorsHasPendingJobs();
    }

    function _forget(address enclave) private {
        for (uint256 i = 0; i < _enclaves.length; i++) {
            if (_enclaves[i] != enclave) continue;
            _enclaves[i] = _enclaves[_enclaves.length - 1];
            _enclaves.pop();
            return;
        }
    }
}
