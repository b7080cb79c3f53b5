// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// Keeps nothing: the code of a job is the calldata of the transaction that called here, found by its hash.
contract UserCode {
    function saveCodeInCallData(string calldata) external {}

    /// The newer form; metadata is not code.
    function saveCodeInCallData(string calldata, bytes calldata metadata) external {}
}
