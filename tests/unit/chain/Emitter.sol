// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

// Emits whatever logs its calldata describes: records of one byte (number of topics, 1 to 4), four bytes (length of the
// data), the topics, the data. The bytecode in emitter.h is this, compiled by solc 0.8.37 (optimizer 200 runs, evm
// version paris).
contract Emitter {
    fallback() external {
        assembly {
            let at := 0
            for { } lt(at, calldatasize()) { } {
                let n := byte(0, calldataload(at))
                let len := shr(224, calldataload(add(at, 1)))
                let topics := add(at, 5)
                let data := add(topics, mul(32, n))
                calldatacopy(0, data, len)
                switch n
                case 1 { log1(0, len, calldataload(topics)) }
                case 2 { log2(0, len, calldataload(topics), calldataload(add(topics, 32))) }
                case 3 { log3(0, len, calldataload(topics), calldataload(add(topics, 32)), calldataload(add(topics, 64))) }
                default {
                    log4(
                        0,
                        len,
                        calldataload(topics),
                        calldataload(add(topics, 32)),
                        calldataload(add(topics, 64)),
                        calldataload(add(topics, 96))
                    )
                }
                at := add(data, len)
            }
        }
    }
}
