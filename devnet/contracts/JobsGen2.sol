// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ExecutorsBase} from "./base/ExecutorsBase.sol";
import {JobsBase} from "./base/JobsBase.sol";
import {ExecutorsGen2} from "./ExecutorsGen2.sol";

contract JobsGen2 is JobsBase {
    ExecutorsGen2 public immutable EXECUTORS;

    event JobCreated(
        uint256 indexed jobId,
        uint8 indexed env,
        address indexed jobOwner,
        bytes32 codehash,
        bytes codeInputs,
        uint256 deadline,
        address[] selectedExecutors
    );
    event JobResponded(
        uint256 indexed jobId,
        address indexed executor,
        bytes output,
        uint256 totalTime,
        uint8 errorCode,
        uint8 outputCount
    );

    constructor(Params memory p, ExecutorsGen2 executors) JobsBase(p) {
        EXECUTORS = executors;
    }

    function jobs(uint256 jobId)
        external
        view
        returns (
            uint256 deadline,
            uint256 execStartTime,
            uint256 executionTime,
            address jobOwner,
            uint8 env,
            uint8 outputCount
        )
    {
        Job storage job = _jobs[jobId];
        return (job.deadline, job.execStartTime, job.executionTime, job.jobOwner, job.env, job.outputCount);
    }

    function createJob(uint8 env, bytes32 codehash, bytes memory codeInputs, uint256 deadline)
        external
        returns (uint256 jobId)
    {
        address[] memory selected = EXECUTORS.selectExecutors(env, NO_OF_NODES_TO_SELECT);
        jobId = _create(deadline, env, selected);
        emit JobCreated(jobId, env, msg.sender, codehash, codeInputs, deadline, selected);
    }

    function _executorsContract() internal view override returns (ExecutorsBase) {
        return EXECUTORS;
    }

    function _emitResponded(Output memory o, address enclave, uint8 outputCount) internal override {
        emit JobResponded(o.jobId, enclave, o.output, o.totalTime, o.errorCode, outputCount);
    }
}
