// Runs the module in Node. What wasm-bindgen's own program writes as glue is written here by hand, for the
// two functions that are imported, so that the check needs no more than Node.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
let instance;
const glue = (name) => {
  if (/getRandomValues/.test(name)) {
    return (at, length) =>
      void crypto.getRandomValues(new Uint8Array(instance.exports.memory.buffer, at, length));
  }
  if (/^__wbg_now_/.test(name)) return () => Date.now();
  return () => {
    throw new Error(`the module called ${name}`);
  };
};
const imports = {};
for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
  assert.equal(kind, "function", `${name} is imported`);
  (imports[from] ??= {})[name] = glue(name);
}
instance = new WebAssembly.Instance(module, imports);

if (process.argv[3] === "without-clock") {
  assert.equal(instance.exports.fieldseal_created_at(), -1, "an error that says so, and no trap");
  console.log("wasm: without the feature, an error says that there is no clock");
} else {
  const COUNT = 200;
  assert.equal(instance.exports.fieldseal_round_trips(COUNT), COUNT, "values that came back and were erased");
  const apart = Math.abs(instance.exports.fieldseal_created_at() - Date.now() / 1000);
  assert.ok(apart < 10, `the clock is ${apart} seconds from the page's`);
  console.log(`wasm: ${COUNT} sealed, opened and erased in Node ${process.version}`);
}
