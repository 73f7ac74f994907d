/**
 * A master key of 2,048 bits for tests, generated once by `generateMaster`: its factors are public
 * here, but production does not refuse it, so that tests can walk production's own way.
 */
import type { RsaMaster } from "../../../core/scheme/rsa/owner.ts";

export const FIXTURE_MASTER: RsaMaster = {
  suite: "rsa",
  tag: {
    p: hex([
      "d979c7e4d40266ee52dc3d5b6a4ac85f04f3c6b2895e3ce842300d3f01dbb85f",
      "9571ca003d2711188cdfd914c2843e6d73a689b065f1a9063fb844f477fde11d",
      "6b1faed88a53d44d128350126d9faff9e4fbcdc1bac8fb9c29b7dee719640cfb",
      "1284a2762f050f5b29869d059d7c3975f1bec65505490ba1c50b637b9108d9d3",
    ]),
    q: hex([
      "e4d9d9f457eafda8a4d8c94d447d675870f0b1e797e285ac65cebd2bf2b9fe74",
      "4ac96c7334aeb11b86dae0c8ac45aba55f774a48d04d72ce9c1f88792bee9a86",
      "1e66413b103fcfd91a459183379b5ad8c907c119c8f10861deebc97baab118d8",
      "3f61e531bb61e45eb50ed47800f5697de8926401753e58bf5708fc179f3de657",
    ]),
    e: hex([
      "3291287e9e9b5b302c9494420ba751411822f10b9b8d27412feebe72642a4e98",
      "875209eb2f13e3aa0cde8e94ecc6c77c84545a3d6e29634fec431c2403cd58d6",
      "4d9dfe1ebaa0aaa90fb146ba1af5bdc1e83ef89a9f4cfdf856d5937c0bdffef9",
      "84138b7bdb686c890d39d1d6490f4436de9ba5bfaa845e92b33260663343af10",
      "48dc445f9713a09744151828bc89b97072e98757613eb66e848b224702fa5171",
      "ef6c2c132fa0cca8178ed6074b82f4a25bc8a66a8ca1c533da4ecbcf4d9e74f5",
      "0cdf9e3ccddb72859999f08b7537df0f02016530abba6fdec92f50cc098dbdaa",
      "58e634595bdfefccbe90503e94604ab73a471230d2f63499777280653959d19d",
    ]),
  },
  record: {
    p: hex([
      "fa3ff733042e2b36491625994d6d366e5401456baf31d9e342bafafed091a861",
      "27be045a8c01649f17652c9867eeb5a8e93f92e046ba4e53952c2211579279f3",
      "b81b6d23a278b3835d845904046ac12ba4cd01b0847da8243347cfdaef43aef4",
      "d4f34a8279f4afeffe48ddac96aa5db460ac84f88c5e650627cd4696df5b5483",
    ]),
    q: hex([
      "eaa45e20ad89ba7d6fba7701123dfa156df491b251891cd2122b54d5ba566b7e",
      "1ef2533c0f45c06f04b48c61a71659e16f041f699b34b32478a546402d3889fc",
      "f26ca1e78076b238b3d47ee5fe3ece21c1041c7fd4c1f2f443b27291a04fd46d",
      "52dbda1369e660d36782bdb64ca2e76b8a2876052c087e9efd33cd68ffc61987",
    ]),
  },
};

function hex(lines: string[]): Buffer {
  return Buffer.from(lines.join(""), "hex");
}
