"use strict";
// npm sm-crypto as the other side: one command a line (a name and hex arguments), one answer a line ("ok" and hex
// results, or "error" and a reason). Public keys are 04 | x | y, ciphertexts raw C1C3C2 without the 04.
const readline = require("readline");
const { sm2, sm3 } = require("sm-crypto");

const bytes = (hex) => Array.from(Buffer.from(hex, "hex"));
const DER = { der: true, hash: true };

const commands = {
  keypair() {
    const pair = sm2.generateKeyPairHex();
    return [pair.privateKey, pair.publicKey];
  },
  sign: (key, message) => [sm2.doSignature(bytes(message), key, DER)],
  verify(point, message, signature) {
    if (!sm2.doVerifySignature(bytes(message), signature, point, DER)) throw new Error("the signature does not verify");
    return [];
  },
  encrypt: (point, plaintext) => [sm2.doEncrypt(bytes(plaintext), point, 1)],
  decrypt(key, cipher) {
    const plaintext = sm2.doDecrypt(cipher, key, 1, { output: "array" });
    if (!plaintext.length) throw new Error("the ciphertext does not open");
    return [Buffer.from(plaintext).toString("hex")];
  },
  sm3: (message) => [sm3(bytes(message))],
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [name, ...args] = line.split(" ");
  try {
    console.log(["ok", ...commands[name](...args)].join(" "));
  } catch (error) {
    console.log(`error ${String(error.message).replace(/\n/g, " ")}`);
  }
});
