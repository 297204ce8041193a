// Starts a sandbox of its own on a free port, and ends it.
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";

const program = process.env.COURANT ?? "../../target/debug/courant";

/** The hash of a password, as the program prints it. */
export function passwordHash(password) {
  const told = spawnSync(program, ["password-hash"], { input: `${password}\n`, encoding: "utf8" });
  if (told.status !== 0) throw new Error(`password-hash: ${told.stderr}`);
  return told.stdout.trim();
}

/** A running sandbox: its address, and how to end it. */
export async function startSandbox(set = []) {
  const overrides = set.flatMap((assignment) => ["--set", assignment]);
  const child = spawn(program, ["sandbox", "--listen", "127.0.0.1:0", ...overrides], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.startsWith("ready ")) resolve(line.slice("ready ".length));
    });
    child.once("error", reject);
    ended.then((code) => reject(new Error(`the sandbox ended with ${code}`)));
  });
  return {
    url,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
