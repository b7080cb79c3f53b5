// Signed transactions, byte by byte, against ethers.
import { SigningKey, Transaction } from 'ethers';
import { compare } from './harness.mjs';

function signedCase(r, kind, fields, tip, fee) {
  const secret = r.secret();
  const tx = Transaction.from({
    // ethers keeps the nonce in a double; ours has 64 bits
    chainId: r.uint(64) || 1n, nonce: Number(r.uint(48)), gasLimit: r.uint(64), to: r.address(), value: r.uint(256),
    data: r.hex(r.length(300)), ...fields,
  });
  tx.signature = new SigningKey(secret).sign(tx.unsignedHash);
  return [
    `tx ${secret} ${kind} ${tx.chainId} ${tx.nonce} ${tip} ${fee} ${tx.gasLimit} ${tx.to} ${tx.value} ${tx.data}`,
    `${tx.serialized} ${tx.hash}`,
  ];
}

compare('transaction EIP-1559', (r) => {
  const [maxPriorityFeePerGas, maxFeePerGas] = [r.uint(256), r.uint(256)].sort((a, b) => (a < b ? -1 : 1));
  return signedCase(r, 'eip1559', { type: 2, maxPriorityFeePerGas, maxFeePerGas }, maxPriorityFeePerGas, maxFeePerGas);
});

compare('transaction legacy', (r) => {
  const gasPrice = r.uint(256);
  return signedCase(r, 'legacy', { type: 0, gasPrice }, r.uint(256), gasPrice);
});
