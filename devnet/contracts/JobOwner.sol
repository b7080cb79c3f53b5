// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {JobsGen1} from "./JobsGen1.sol";
import {JobsGen2} from "./JobsGen2.sol";

/// A sample owner of jobs: creates them, and keeps what its callbacks are told. Can be told to misbehave in them.
contract JobOwner {
    enum Behaviour {
        Record,
        Revert, // in every callback
        BurnGas, // all that came along
        Work // burn `workGas`, then record: fails unless the caller left that much

    }

    struct Result {
        bool told;
        bytes32 outputHash; // the output itself is in the event
        uint8 errorCode;
        uint256 totalTime;
    }

    address public immutable JOBS;
    address public immutable ADMIN;
    Behaviour public behaviour;
    uint256 public workGas;
    mapping(uint256 jobId => Result) public results;
    mapping(uint256 jobId => bool) public failed;
    mapping(uint256 jobId => uint256) public slashedAmounts;

    event ResultReceived(uint256 indexed jobId, bytes output, uint8 errorCode, uint256 totalTime);
    event FailureReceived(uint256 indexed jobId, uint256 slashedAmount);

    error JobOwnerNotJobs();
    error JobOwnerNotAdmin();
    error JobOwnerRefuses();

    modifier onlyJobs() {
        if (msg.sender != JOBS) revert JobOwnerNotJobs();
        _;
    }

    modifier onlyAdmin() {
        if (msg.sender != ADMIN) revert JobOwnerNotAdmin();
        _;
    }

    /// Fees are paid from what this contract holds of feeToken.
    constructor(address jobs, IERC20 feeToken) {
        JOBS = jobs;
        ADMIN = msg.sender;
        feeToken.approve(jobs, type(uint256).max);
    }

    function setBehaviour(Behaviour what, uint256 gas) external onlyAdmin {
        behaviour = what;
        workGas = gas;
    }

    function createJob(bytes32 codehash, bytes calldata inputs, uint256 deadline)
        external
        onlyAdmin
        returns (uint256)
    {
        return JobsGen1(JOBS).createJob(codehash, inputs, deadline);
    }

    function createJob(uint8 env, bytes32 codehash, bytes calldata inputs, uint256 deadline)
        external
        onlyAdmin
        returns (uint256)
    {
        return JobsGen2(JOBS).createJob(env, codehash, inputs, deadline);
    }

    function oysterResultCall(uint256 jobId, bytes calldata output, uint8 errorCode, uint256 totalTime)
        external
        onlyJobs
    {
        _behave();
        results[jobId] = Result(true, keccak256(output), errorCode, totalTime);
        emit ResultReceived(jobId, output, errorCode, totalTime);
    }

    function oysterFailureCall(uint256 jobId, uint256 slashedAmount) external onlyJobs {
        _behave();
        failed[jobId] = true;
        slashedAmounts[jobId] = slashedAmount;
        emit FailureReceived(jobId, slashedAmount);
    }

    function _behave() private view {
        if (behaviour == Behaviour.Revert) revert JobOwnerRefuses();
        if (behaviour == Behaviour.BurnGas) assembly { invalid() }
        if (behaviour == Behaviour.Work) {
            uint256 start = gasleft();
            while (start - gasleft() < workGas) {}
        }
    }
}
