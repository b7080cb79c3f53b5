// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Domain} from "./Attestation.sol";
import {ExecutorsBase} from "./ExecutorsBase.sol";

/// The rules that both generations of the Jobs contract share: escrow, answers, payment, slashing.
abstract contract JobsBase {
    using SafeERC20 for IERC20;

    struct Params {
        IERC20 stakingToken;
        IERC20 feeToken;
        uint256 signMaxAge; // seconds
        uint256 executionBufferTime; // seconds
        uint256 noOfNodesToSelect; // 1 to 3
        uint256 executorFeePerMs;
        uint256 stakingRewardPerMs;
        address paymentPool; // takes staking rewards, and what a missing answer would have earned
    }

    struct Job {
        uint256 deadline; // ms
        uint256 execStartTime; // seconds; 0: deleted
        uint256 executionTime; // ms, of the first answer
        address jobOwner;
        uint8 env;
        uint8 outputCount;
        address[] selectedExecutors;
        mapping(address enclave => bool) hasExecutedJob;
    }

    /// The arguments of submitOutput, in its order.
    struct Output {
        bytes signature;
        uint256 jobId;
        bytes output;
        uint256 totalTime; // ms
        uint8 errorCode;
        uint256 signTimestamp; // seconds
    }

    bytes32 private constant SUBMIT_OUTPUT_TYPEHASH = keccak256(
        "SubmitOutput(uint256 jobId,bytes output,uint256 totalTime,uint8 errorCode,uint256 signTimestamp)"
    );

    IERC20 public immutable STAKING_TOKEN;
    IERC20 public immutable FEE_TOKEN;
    uint256 public immutable SIGN_MAX_AGE;
    uint256 public immutable EXECUTION_BUFFER_TIME;
    uint256 public immutable NO_OF_NODES_TO_SELECT;
    uint256 public immutable EXECUTOR_FEE_PER_MS;
    uint256 public immutable STAKING_REWARD_PER_MS;
    address public immutable PAYMENT_POOL;

    Job[] internal _jobs;

    event SlashedOnExecutionTimeout(uint256 indexed jobId, address indexed enclaveAddress);
    event JobResultCallbackCalled(uint256 indexed jobId, bool success);
    event JobFailureCallbackCalled(uint256 indexed jobId, bool success);

    error JobsNodeCountInvalid();
    error JobsUnavailableResources();
    error JobsExecutionTimeOver();
    error JobsSignatureTooOld();
    error JobsNotSelectedExecutor();
    error JobsExecutorAlreadySubmittedOutput();
    error JobsInvalidJob();
    error JobsDeadlineNotOver();

    constructor(Params memory p) {
        if (p.noOfNodesToSelect < 1 || p.noOfNodesToSelect > 3) revert JobsNodeCountInvalid();
        STAKING_TOKEN = p.stakingToken;
        FEE_TOKEN = p.feeToken;
        SIGN_MAX_AGE = p.signMaxAge;
        EXECUTION_BUFFER_TIME = p.executionBufferTime;
        NO_OF_NODES_TO_SELECT = p.noOfNodesToSelect;
        EXECUTOR_FEE_PER_MS = p.executorFeePerMs;
        STAKING_REWARD_PER_MS = p.stakingRewardPerMs;
        PAYMENT_POOL = p.paymentPool;
    }

    function getSelectedExecutors(uint256 jobId) external view returns (address[] memory) {
        return _jobs[jobId].selectedExecutors;
    }

    /// What a job of this deadline costs its owner in advance.
    function escrowOf(uint256 deadline) public view returns (uint256) {
        return deadline * (EXECUTOR_FEE_PER_MS + STAKING_REWARD_PER_MS);
    }

    function submitOutput(
        bytes memory signature,
        uint256 jobId,
        bytes memory output,
        uint256 totalTime,
        uint8 errorCode,
        uint256 signTimestamp
    ) external {
        _submit(Output(signature, jobId, output, totalTime, errorCode, signTimestamp));
    }

    function slashOnExecutionTimeout(uint256 jobId) external {
        Job storage job = _jobs[jobId];
        if (job.execStartTime == 0) revert JobsInvalidJob();
        if (block.timestamp * 1000 <= _lastMoment(job)) revert JobsDeadlineNotOver();

        address jobOwner = job.jobOwner;
        bool silent = job.outputCount == 0;
        _returnEscrow(job);
        uint256 slashed = _slashSilent(jobId, job);
        _deleteJob(job);

        STAKING_TOKEN.safeTransfer(silent ? jobOwner : PAYMENT_POOL, slashed);
        if (silent) {
            (bool success,) =
                jobOwner.call(abi.encodeWithSignature("oysterFailureCall(uint256,uint256)", jobId, slashed));
            emit JobFailureCallbackCalled(jobId, success);
        }
    }

    // ---- what a generation gives ----

    function _executorsContract() internal view virtual returns (ExecutorsBase);

    function _emitResponded(Output memory o, address enclave, uint8 outputCount) internal virtual;

    // ---- inside ----

    /// Takes the escrow from the job's owner (the caller) and opens the job for the executors drawn for it.
    function _create(uint256 deadline, uint8 env, address[] memory selected) internal returns (uint256 jobId) {
        if (selected.length < NO_OF_NODES_TO_SELECT) revert JobsUnavailableResources();
        FEE_TOKEN.safeTransferFrom(msg.sender, address(this), escrowOf(deadline));
        jobId = _jobs.length;
        Job storage job = _jobs.push();
        job.deadline = deadline;
        job.execStartTime = block.timestamp;
        job.jobOwner = msg.sender;
        job.env = env;
        job.selectedExecutors = selected;
    }

    function _submit(Output memory o) private {
        Job storage job = _jobs[o.jobId];
        if (block.timestamp * 1000 > _lastMoment(job)) revert JobsExecutionTimeOver();
        address enclave = _signer(o);
        if (!_isSelected(job, enclave)) revert JobsNotSelectedExecutor();
        if (job.hasExecutedJob[enclave]) revert JobsExecutorAlreadySubmittedOutput();

        _executorsContract().releaseExecutor(enclave);
        job.hasExecutedJob[enclave] = true;
        uint8 outputCount = ++job.outputCount;
        if (o.totalTime > job.deadline) o.totalTime = job.deadline;
        if (outputCount == 1) job.executionTime = o.totalTime;
        address jobOwner = job.jobOwner;
        _pay(job, outputCount, _executorsContract().getOwner(enclave));
        if (outputCount == NO_OF_NODES_TO_SELECT) _deleteJob(job);

        if (outputCount == 1) {
            // All the gas that is left goes along, and a failure is the owner's own affair.
            (bool success,) = jobOwner.call(
                abi.encodeWithSignature(
                    "oysterResultCall(uint256,bytes,uint8,uint256)", o.jobId, o.output, o.errorCode, o.totalTime
                )
            );
            emit JobResultCallbackCalled(o.jobId, success);
        }
        _emitResponded(o, enclave, outputCount);
    }

    function _signer(Output memory o) private view returns (address enclave) {
        if (block.timestamp > o.signTimestamp + SIGN_MAX_AGE) revert JobsSignatureTooOld();
        bytes32 structHash = keccak256(
            abi.encode(
                SUBMIT_OUTPUT_TYPEHASH, o.jobId, keccak256(o.output), o.totalTime, o.errorCode, o.signTimestamp
            )
        );
        enclave = ECDSA.recover(Domain.digest("marlin.oyster.Jobs", structHash), o.signature);
        _executorsContract().allowOnlyVerified(enclave);
    }

    /// 4/9, 3/9 and 2/9 of the fee for the first, second and third answer.
    function _share(uint256 fee, uint8 outputCount) private pure returns (uint256) {
        if (outputCount == 1) return (fee * 4) / 9;
        if (outputCount == 2) return fee / 3;
        return fee - (fee * 4) / 9 - fee / 3;
    }

    function _pay(Job storage job, uint8 outputCount, address owner) private {
        uint256 fee = job.executionTime * EXECUTOR_FEE_PER_MS;
        FEE_TOKEN.safeTransfer(owner, _share(fee, outputCount));
        if (outputCount == 1) {
            FEE_TOKEN.safeTransfer(PAYMENT_POOL, job.executionTime * STAKING_REWARD_PER_MS);
            FEE_TOKEN.safeTransfer(job.jobOwner, escrowOf(job.deadline - job.executionTime));
        }
        if (outputCount == NO_OF_NODES_TO_SELECT) _poolTakesShares(fee, outputCount);
    }

    function _poolTakesShares(uint256 fee, uint8 outputCount) private {
        for (uint8 i = outputCount + 1; i <= 3; i++) {
            FEE_TOKEN.safeTransfer(PAYMENT_POOL, _share(fee, i));
        }
    }

    function _returnEscrow(Job storage job) private {
        if (job.outputCount == 0) FEE_TOKEN.safeTransfer(job.jobOwner, escrowOf(job.deadline));
        else _poolTakesShares(job.executionTime * EXECUTOR_FEE_PER_MS, job.outputCount);
    }

    function _slashSilent(uint256 jobId, Job storage job) private returns (uint256 slashed) {
        for (uint256 i = 0; i < job.selectedExecutors.length; i++) {
            address enclave = job.selectedExecutors[i];
            if (job.hasExecutedJob[enclave]) continue;
            slashed += _executorsContract().slashExecutor(enclave);
            emit SlashedOnExecutionTimeout(jobId, enclave);
        }
    }

    /// Leaves execStartTime 0, which both submitOutput and slashOnExecutionTimeout refuse.
    function _deleteJob(Job storage job) private {
        for (uint256 i = 0; i < job.selectedExecutors.length; i++) {
            delete job.hasExecutedJob[job.selectedExecutors[i]];
        }
        delete job.selectedExecutors;
        job.deadline = 0;
        job.execStartTime = 0;
        job.executionTime = 0;
        job.jobOwner = address(0);
        job.env = 0;
        job.outputCount = 0;
    }

    /// The last millisecond at which an answer is taken; slashing begins behind it.
    function _lastMoment(Job storage job) private view returns (uint256) {
        return job.execStartTime * 1000 + job.deadline + EXECUTION_BUFFER_TIME * 1000;
    }

    function _isSelected(Job storage job, address enclave) private view returns (bool) {
        for (uint256 i = 0; i < job.selectedExecutors.length; i++) {
            if (job.selectedExecutors[i] == enclave) return true;
        }
        return false;
    }
}
