/**
 * The modulus of the published vectors (`rsa.json`), 3,072 bits with public factors. A record file
 * names it by that file only ("under the modulus of rsa.json") and does not repeat it.
 */
export const PUBLISHED_MODULUS = [
  "ece47d281c4502709d2cf7a47d467831a08ca42d5c55289633d72a0f6e3ba851",
  "6833a75cda37391446da2540f57fcbeb3f3c4685eacf663def2b134bcd5623d3",
  "b900aefcf0d925a42ee4c95a648ed19e87e2ed3f4ad4d17b715a8ea011b881fb",
  "47f1621a1cc81d7e2e589228ab4ff96fc3c73a5f21114f06f152c366455401f2",
  "2124a96b28a0ce76eed5b0f808d9336c6923dd8bd0e9698ba0ab34732e2887f8",
  "bcdd295bbf175f779dbda1595da07eadbeb493df8e1c9c78970691638ff87fee",
  "120a45394dc6bd2efa5e5cb3a242e772a83033c2ec291ae5e9f81cf41d7d6887",
  "fb85a247f0934b0f8e52d6ed184ee2829166c8a21fcde206a5be11bf9e08e60a",
  "be4deb16a02702e3f816c9d2a31396666cd33d1c47e07ab6cbc9e31327d3b98b",
  "9ad1fbc8f90024391e8cf31f2f5a5604e4b1fcf30b042aa807aa53524f26b0a0",
  "77a7f54dc373141abb199326e79c3e9862fc7decaf00ee8db2f654104f86e93d",
  "6050e081af3cf558bc7471ae2bfa8b8991f23ad4bdb060c3de3d39594bd53989",
].join("");
