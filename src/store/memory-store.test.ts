import { storeContract } from "../testing/store-contract.ts";
import { MemoryStore } from "./memory-store.ts";

storeContract("memory store", async (setup) => {
  const store = new MemoryStore(setup);
  return { store, close: () => store.close() };
});
