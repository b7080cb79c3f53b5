// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ExecutorsBase} from "./base/ExecutorsBase.sol";
import {JobsBase} from "./base/JobsBase.sol";
import {ExecutorsGen1} from "./ExecutorsGen1.sol";

contract JobsGen1 is JobsBase {
    ExecutorsGen1 public immutable EXECUTORS;

    event JobCreated(
        uint256 indexed jobId,
        address indexed jobOwner,
        bytes32 codehash,
        bytes codeInputs,
        uint256 deadline,
        address[] selectedExecutors
    );
    event JobResponded(uint256 indexed jobId, bytes output, uint256 totalTime, uint8 errorCode, uint8 outputCount);

    constructor(Params memory p, ExecutorsGen1 executors) JobsBase(p) {
        EXECUTORS = executors;
    }

    function jobs(uint256 jobId)
        external
        view
        returns (uint256 deadline, uint256 execStartTime, uint256 executionTime, address jobOwner, uint8 outputCount)
    {
        Job storage job = _jobs[jobId];
        return (job.deadline, job.execStartTime, job.executionTime, job.jobOwner, job.outputCount);
    }

    function createJob(bytes32 codehash, bytes memory codeInputs, uint256 deadline) external returns (uint256 jobId) {
        address[] memory selected = EXECUTORS.selectExecutors(NO_OF_NODES_TO_SELECT);
        jobId = _create(deadline, 0, selected);
        emit JobCreated(jobId, msg.sender, codehash, codeInputs, deadline, selected);
    }

    function _executorsContract() internal view override returns (ExecutorsBase) {
        return EXECUTORS;
    }

    function _emitResponded(Output memory o, address, uint8 outputCount) internal override {
        emit JobResponded(o.jobId, o.output, o.totalTime, o.errorCode, outputCount);
    }
}
